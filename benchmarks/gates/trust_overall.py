"""The trust that a materialization shows is the mean of its cells, as of the time it names, and can be computed again.

Belongs here: computing it again beside what Dagster's event log says: from `prov.trust_cells`, cell by cell, and by the
auditor, who shares no code with it. Does not belong here: whether that trust is right (`trust_calibration.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import TENANTS, Demo
from benchmarks.gates.line import Gate, gate

if TYPE_CHECKING:
    import dagster as dg

PREFIX = "trust.overall"
FIGURES = at_least(len(TENANTS))
# Figures are shown with four digits: two that were rounded may differ by one in the last.
ROUNDED = 0.0001
_AGAIN = "select avg(trust), count(trust) from prov.trust_cells({tenant}, %(mart)s, %(as_of)s)"


def lines(demo: Demo) -> Iterator[Gate]:
    """Figures of the newest materialization of each mart for each tenant, and how many are not what the cells say."""
    yield from _by_cells(demo)
    yield from _by_the_auditor(demo)


def _by_cells(demo: Demo) -> Iterator[Gate]:
    looked_at, differing = 0, []
    for key in demo.instance.all_asset_keys():
        if key.path[0] != "marts":
            continue
        for tenant_id in TENANTS:
            told = _told(demo, key, tenant_id)
            if "trust_mean" not in told or "trust_as_of" not in told:
                continue
            looked_at += 1
            found = demo.ask(tenant_id, _AGAIN, {"mart": key.path[-1], "as_of": told["trust_as_of"]})
            wrong = difference(told, *found[0])
            if wrong:
                differing.append(f"{key.path[-1]} of {tenant_id}: {wrong}")
    yield gate(f"{PREFIX}.figures", looked_at, FIGURES, note="newest materializations of marts that show a trust")
    yield gate(f"{PREFIX}.figures_not_of_their_cells", len(differing), at_most(0), note="; ".join(differing[:3]))


def _by_the_auditor(demo: Demo) -> Iterator[Gate]:
    from real_estate_assets.defs.trust.auditing import recompute_trust

    compared = [one for tenant_id in TENANTS for one in recompute_trust(demo.settings, demo.instance, tenant_id)]
    disputed = [
        f"{one.mart} of {one.tenant_id}, {one.figure}: {one.recorded}, by the auditor {one.computed}"
        for one in compared
        if not one.agrees
    ]
    yield gate(f"{PREFIX}.figures_audited", len(compared), FIGURES, note="every figure, by field group too")
    yield gate(f"{PREFIX}.figures_disputed", len(disputed), at_most(0), note="; ".join(disputed[:3]))


def difference(told: Mapping[str, Any], mean: float | None, cells: int) -> str:
    """How what was told differs from what the cells say, in words; empty where it does not."""
    if mean is None or abs(told["trust_mean"] - mean) > ROUNDED:
        return f"mean {told['trust_mean']}, by its cells {mean}"
    return "" if told.get("trust_cells", cells) == cells else f"{told['trust_cells']} cells, there are {cells}"


def _told(demo: Demo, key: dg.AssetKey, tenant_id: str) -> dict[str, Any]:
    """Metadata of the newest materialization."""
    import dagster as dg

    wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[tenant_id])
    for record in demo.instance.fetch_materializations(wanted, limit=1).records:
        if record.asset_materialization is not None:
            return {name: value.value for name, value in record.asset_materialization.metadata.items()}
    return {}

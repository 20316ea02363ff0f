"""The independent auditor, run on this installation: its login, its way to the stored bytes, what it is told of layers.

Belongs here: putting the platform's addresses into the auditor's hands. Does not belong here: any rule of the audit,
which is a program of its own (`auditor/`) and is imported inside functions, or how its findings are shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from auditor import LowTrust, Summary
    from auditor.trust import Figures
    from real_estate_assets.settings import Settings
    from real_estate_assets.stores.warehouse import Warehouse

CELLS = 3000
# Names of the figures in the event log (defs/warehouse/trust_record.py), and how far two roundings of one may differ.
MEAN, P10, SOLID_SHARE, WEAK_SHARE, AS_OF = (
    "trust_mean", "trust_p10", "trust_share_solid", "trust_share_weak", "trust_as_of",
)  # fmt: skip
FIGURES = (MEAN, P10, SOLID_SHARE, WEAK_SHARE)
ROUNDING = 1.01e-4
LOW_TRUST_MARTS = ("dim_properties", "fct_property_hazards", "fct_sales")
LOW_TRUST_ROWS = 200  # of each mart: the auditor draws a tenth of its cells from them


def run_audit(
    settings: Settings,
    tenants: Sequence[str],
    *,
    seed: str,
    cells: int = CELLS,
    warehouse: Warehouse | None = None,
    record: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Audits cells of these tenants and returns what was found.

    `warehouse`: asked for cells of little trust, from which a tenth more are drawn; without it none are. Raises
    SettingsError where the auditor's login is not set up, psycopg.Error where the database refuses it.
    """
    import auditor

    low_trust = {tenant: _low_trust(warehouse, tenant) for tenant in tenants} if warehouse else None
    return auditor.run(
        settings.dsn("auditor"),
        stored_objects(settings),
        tenants,
        references_of(settings),
        seed=seed,
        cells=cells,
        low_trust=low_trust,
        record=record,
        progress=progress,
    )


def stored_objects(settings: Settings) -> Callable[[str | None, str], Any]:
    """Opens a landed file of a tenant, or a public one (tenant None), as a stream of its stored bytes."""
    from real_estate_assets.stores.object_keys import PUBLIC
    from real_estate_assets.stores.object_store import open_store

    return lambda tenant, key: open_store(settings, PUBLIC if tenant is None else tenant).open(key)


def references_of(settings: Settings) -> dict[str, Any]:
    """The reviewed description of the public layers, as it is written."""
    from ruamel.yaml import YAML

    loaded = YAML(typ="safe", pure=True).load(settings.references_file.read_text(encoding="utf-8"))
    return dict(loaded or {})


def _low_trust(warehouse: Warehouse, tenant_id: str) -> list[LowTrust]:
    from auditor import LowTrust
    from real_estate_assets.stores.warehouse.why import low_trust

    with warehouse.as_app(tenant_id) as connection:
        model = connection.execute("select weak_below from prov.trust_model order by version desc limit 1").fetchone()
        built = {row[0] for row in connection.execute("select distinct mart from prov.field_map").fetchall()}
    if model is None:
        return []
    found = []
    for mart in sorted(built.intersection(LOW_TRUST_MARTS)):
        for row in low_trust(warehouse, tenant_id, mart, below=model[0], limit=LOW_TRUST_ROWS):
            key = {name: str(value) for name, value in row.key.items() if name != "tenant_id"}
            found.extend(LowTrust(mart, key, field) for field in row.fields)
    return found


@dataclass(frozen=True, slots=True)
class ComparedFigure:
    """A trust figure that a materialization recorded, and the auditor's own of the same moment; null: there is none."""

    tenant_id: str
    mart: str
    figure: str
    recorded: float | None
    computed: float | None

    @property
    def agrees(self) -> bool:
        """Whether both are the same to the last digit that is recorded."""
        if self.recorded is None or self.computed is None:
            return self.recorded is self.computed
        return abs(self.recorded - self.computed) <= ROUNDING


def recompute_trust(settings: Settings, instance: DagsterInstance, tenant_id: str) -> list[ComparedFigure]:
    """Every figure of trust that the latest materializations of a tenant's marts recorded, computed a second time."""
    from auditor.ledger import KEYS
    from auditor.trust import figures_of

    compared = []
    for mart in sorted(KEYS):
        recorded = _recorded_trust(instance, tenant_id, mart)
        if AS_OF not in recorded:
            continue
        as_of = dt.datetime.fromisoformat(str(recorded[AS_OF]))
        computed = overall(figures_of(settings.dsn("auditor"), tenant_id, mart, as_of))
        told = {n: float(v) for n, v in recorded.items() if n.startswith(FIGURES) and isinstance(v, int | float)}
        names = sorted(told.keys() | computed.keys())
        compared.extend(ComparedFigure(tenant_id, mart, n, told.get(n), computed.get(n)) for n in names)
    return compared


def overall(figures: Sequence[Figures]) -> dict[str, float]:
    """Figures of a mart under the names by which materializations record them."""
    found = {}
    for one in figures:
        if one.field_group is None:
            found |= {MEAN: one.mean, P10: one.p10}
            found |= {SOLID_SHARE: one.solid / one.cells, WEAK_SHARE: one.weak / one.cells}
        else:
            found |= {f"{MEAN} {one.field_group}": one.mean, f"{P10} {one.field_group}": one.p10}
    return {name: round(value, 4) for name, value in found.items()}


def _recorded_trust(instance: DagsterInstance, tenant_id: str, mart: str) -> dict[str, Any]:
    import dagster as dg

    wanted = dg.AssetRecordsFilter(asset_key=dg.AssetKey(["marts", mart]), asset_partitions=[tenant_id])
    for record in instance.fetch_materializations(wanted, limit=1).records:
        if record.asset_materialization is not None:
            return {name: entry.value for name, entry in record.asset_materialization.metadata.items()}
    return {}

"""Nothing is done twice: a second `reos demo`, and a delivery that concerns one tenant.

Belongs here: reading from the event log and the catalog what was made anew. Does not belong here: deciding what is out
of date (`defs/stages.py` does).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import TENANTS, Demo, run_demo
from benchmarks.gates.line import Gate, gate, not_run
from real_estate_assets.settings import process_environment

if TYPE_CHECKING:
    import dagster as dg

PREFIX = "spine.rebuild"
LATECOMER, LATE_FILE = "charles-river", "tax_fy14.csv.gz"


def lines(demo: Demo) -> Iterator[Gate]:
    """What a second demo did, then what the second delivery did to whom."""
    yield from _second_demo(demo)
    yield from _second_delivery(demo)


@dataclass(frozen=True)
class _State:
    """latest: asset -> number of its newest event; heaps: every tenant's tables by their identity in the catalog."""

    latest: dict[str, int]
    heaps: frozenset[int]
    files: int
    runs: int


def _state(demo: Demo) -> _State:
    newest = {key.to_user_string(): _newest(demo.instance, key) for key in demo.instance.all_asset_keys()}
    with demo.warehouse.as_owner() as connection:
        heaps = connection.execute(
            "select c.oid::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace"
            " where n.nspname like '%\\_\\_leaf' and c.relkind in ('r', 'p')"
        ).fetchall()
        files = connection.execute("select count(*) from prov.source_file").fetchall()[0][0]
    return _State(newest, frozenset(oid for (oid,) in heaps), files, demo.instance.get_runs_count())


def _newest(instance: dg.DagsterInstance, key: dg.AssetKey) -> int:
    records = instance.fetch_materializations(key, limit=1).records
    return records[0].storage_id if records else 0


def _second_demo(demo: Demo) -> Iterator[Gate]:
    """The demo is up to date by now (`built_demo` ran it), so that this run has nothing to do."""
    before = _state(demo)
    run_demo(process_environment({}))
    after = _state(demo)
    yield gate(f"{PREFIX}.second_demo.files_landed", after.files - before.files, at_most(0))
    rebuilt = sorted(key for key, number in after.latest.items() if number != before.latest.get(key))
    known = f"of {len(before.latest)} assets"
    yield gate(f"{PREFIX}.second_demo.assets_rebuilt", len(rebuilt), at_most(0), note=", ".join(rebuilt[:8]) or known)
    replaced = len(before.heaps ^ after.heaps)
    yield gate(f"{PREFIX}.second_demo.tables_replaced", replaced, at_most(0), note=f"of {len(before.heaps)} tables")
    yield gate(f"{PREFIX}.second_demo.runs_started", after.runs - before.runs, at_most(0))


@dataclass(frozen=True)
class _Event:
    asset: str
    tenant_id: str
    number: int
    data_version: str
    files: frozenset[str]


def _second_delivery(demo: Demo) -> Iterator[Gate]:
    """From the event by which FY2014 landed to the one by which it was published: whose data changed meanwhile?"""
    events = sorted(_events(demo), key=lambda event: event.number)
    landed = next(
        (e.number for e in events if e.tenant_id == LATECOMER and any(name.endswith(LATE_FILE) for name in e.files)),
        None,
    )
    marts = [e.number for e in events if e.tenant_id == LATECOMER and e.asset.startswith("marts/")]
    published = next((number for number in marts if landed is not None and number > landed), None)
    earlier = {(e.asset, e.tenant_id): e.data_version for e in events if landed is None or e.number < landed}
    if landed is None or published is None or not any(asset.startswith("marts/") for asset, _ in earlier):
        why = (
            f"{LATE_FILE} did not arrive after a first build; after `make clean`, `make demo` delivers it as it should"
        )
        yield not_run(f"{PREFIX}.delivery.assets_of_others_rebuilt", at_most(0), why)
        return
    window = [e for e in events if landed <= e.number <= published]
    of_others = [e for e in window if e.tenant_id != LATECOMER]
    yield gate(
        f"{PREFIX}.delivery.assets_of_others_rebuilt", len(of_others), at_most(0),
        note=f"of {sum(tenant != LATECOMER for _, tenant in earlier)} that {LATECOMER} does not own",
    )  # fmt: skip
    changed = [e for e in of_others if earlier.get((e.asset, e.tenant_id)) != e.data_version]
    yield gate(f"{PREFIX}.delivery.data_versions_of_others_changed", len(changed), at_most(0))
    own = {e.asset for e in window if e.tenant_id == LATECOMER and earlier.get((e.asset, LATECOMER)) != e.data_version}
    yield gate(f"{PREFIX}.delivery.own_assets_changed", len(own), at_least(1), note=", ".join(sorted(own)[:6]))
    changes = demo.number(LATECOMER, "select count(*) from marts.fct_changes where tenant_id = {tenant}")
    yield gate(f"{PREFIX}.delivery.changes_between_the_rolls", changes, at_least(1))


def _events(demo: Demo) -> Iterator[_Event]:
    """Every materialization of every tenant's assets."""
    import dagster as dg

    for key in demo.instance.all_asset_keys():
        for tenant_id in TENANTS:
            wanted = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[tenant_id])
            for record in demo.instance.fetch_materializations(wanted, limit=1000).records:
                event = record.asset_materialization
                if event is not None:
                    version = (event.tags or {}).get("dagster/data_version", "")
                    yield _Event(key.to_user_string(), tenant_id, record.storage_id, version, _files(event))


def _files(event: dg.AssetMaterialization) -> frozenset[str]:
    """Names of the files that a landing event lists."""
    listed: Any = event.metadata.get("sha256_by_file")
    if listed is None:
        return frozenset()
    value = listed.value
    return frozenset(json.loads(value) if isinstance(value, str) else value)

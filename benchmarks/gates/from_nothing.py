"""The same files give the same marts: the demo built anew in an empty folder, beside the one of this clone.

Belongs here: comparing the two, mart by mart. Does not belong here: how long it takes (`benchmarks/main_job.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import TENANTS, Demo, run_demo
from benchmarks.gates.line import Gate, gate
from benchmarks.throwaway import environment_of, state_folder
from real_estate_assets.settings import Settings
from real_estate_assets.stores.warehouse import Warehouse

PREFIX = "spine.from_nothing"
# When and in how many tries a thing was done is not what was done.
_OF_THE_RUN = "column_name like '%\\_evidence\\_no' or column_name in ('evidence_no', 'received_at')"
_MARTS = "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
_COLUMNS = (
    f"select array_agg(column_name::text) filter (where {_OF_THE_RUN})"
    " from information_schema.columns where table_schema = 'marts' and table_name = %s"
)
_CONTENT = (
    "select count(*), sum(hashtextextended((to_jsonb(mart) - %s::text[])::text, 0)) from marts.{mart} as mart"
    " where tenant_id = %s"
)


def lines(demo: Demo) -> Iterator[Gate]:
    """How many (mart, tenant) pairs differ in any row."""
    with state_folder() as state:
        run_demo(environment_of(state))
        fresh = _contents(_warehouse(state))
    here = _contents(demo.warehouse)
    differing = sorted(f"{mart} of {tenant}" for mart, tenant in here.keys() | fresh.keys()
                       if here.get((mart, tenant)) != fresh.get((mart, tenant)))  # fmt: skip
    rows = sum(count for count, _ in fresh.values())
    yield gate(f"{PREFIX}.rows_published", rows, at_least(1))
    yield gate(f"{PREFIX}.marts_that_differ", len(differing), at_most(0), note=", ".join(differing[:8]))


def _warehouse(state: Path) -> Warehouse:
    settings = Settings(environment="test", state_dir=state)
    return Warehouse(settings.dsn("owner"), settings.dsn("app"))


def _contents(warehouse: Warehouse) -> dict[tuple[str, str], tuple[int, int | None]]:
    """(mart, tenant) -> (rows, a sum over the hashes of its rows, in any order)."""
    found = {}
    for tenant_id in TENANTS:
        with warehouse.as_app(tenant_id) as connection:
            for (mart,) in connection.execute(_MARTS).fetchall():
                left_out = connection.execute(_COLUMNS, (mart,)).fetchall()[0][0] or []
                query = _CONTENT.replace("{mart}", mart)
                found[mart, tenant_id] = connection.execute(query, (left_out, tenant_id)).fetchall()[0]
    return found

"""What it costs to remember a year of monthly builds: disk, time added to a publication, time to ask.

`python -m benchmarks --only trust.history`. Real rows of the demo's largest tenant, published twelve times into a
throwaway warehouse: each month 3 % of the rows state other values, every file is a new one (so every row's record
number moves) and every stage numbers its evidence anew. Set beside it is what twelve copies of the marts would take.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from psycopg.types.json import Jsonb

from benchmarks.bounds import at_most
from benchmarks.measure import Result, result
from benchmarks.throwaway import throwaway_cluster
from benchmarks.trust_estate import ORIGINAL, original_warehouse
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import add_tenant

if TYPE_CHECKING:
    from psycopg import Connection

PREFIX = "trust.history"
BUILDS, CHANGED_PCT, ROUNDS, CELLS = 12, 3, 5, 400
# Mart -> its key, and the columns that a changed row states anew.
MARTS = {
    "dim_properties": (("property_id",), ("assessed_total_value_usd", "living_area_sqft")),
    "fct_property_hazards": (("property_id", "peril"), ("hazard_score", "overlap_share")),
}
# Where the design was measured, values and provenance kept apart took 177 MB and twelve copies 432 MB.
SIZE = (at_most(177 / 432), at_most(0.25))
RECORDING = (at_most(1.5), at_most(0.75))
CELL = (at_most(20), at_most(8))
_COLUMNS = (
    "select attname, format_type(atttypid, atttypmod) from pg_attribute where attrelid = %s::regclass and attnum > 0"
    " and not attisdropped order by attnum"
)
_SIZE = (
    "select sum(pg_total_relation_size(c.oid))::bigint from pg_class c join pg_namespace n on n.oid = c.relnamespace"
    " where c.relkind = 'r' and n.nspname = any (%s)"
)
_SAMPLE = (
    "select property_id::text from marts.dim_properties where tenant_id = %s order by md5(property_id::text) limit %s"
)
_CELL = "select history.row_at(%s, 'dim_properties', %s, %s) -> 'assessed_total_value_usd'"
_LOOK_UP = "select to_jsonb(p) from marts.dim_properties p where tenant_id = %s and property_id = %s"


def run() -> list[Result]:
    """Measure. Takes its rows from this clone's demo, which is built where there is none."""
    original = original_warehouse()
    with throwaway_cluster() as cluster:
        settings = cluster.settings
        warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
        add_tenant(warehouse, ORIGINAL, tenant_name=ORIGINAL, description="a year of builds", base_uri="file:///")
        with original.as_owner() as source, warehouse.as_owner() as connection:
            connection.execute("create schema original")
            rows = sum(_copy(source, connection, mart) for mart in MARTS)
            months = [_month(connection, number, is_new=number > 1) for number in range(1, BUILDS + 1)]
            size = _size_line(connection, rows)
            unchanged = _month(connection, BUILDS + 1, is_new=False)
        return [
            *size,
            _recording(f"{PREFIX}.recording", months[1:], f"3 % of {rows:,} rows changed, every record number moved"),
            _recording(f"{PREFIX}.recording_nothing_new", [unchanged], "a build that brought nothing new"),
            _cell_as_of(warehouse),
            _tenant_as_of(warehouse),
        ]


def _copy(source: Connection[Any], target: Connection[Any], mart: str) -> int:
    """The tenant's published rows of a mart, as `original.<mart>`. Returns how many."""
    columns = source.execute(_COLUMNS, (f"marts.{mart}",)).fetchall()
    names = ", ".join(f'"{name}"' for name, _ in columns)
    described = ", ".join(f'"{name}" {kind}' for name, kind in columns)
    target.execute(f"create table original.{mart} ({described})")
    query = f"copy (select {names} from marts.{mart} where tenant_id = '{ORIGINAL}') to stdout"
    with (
        source.cursor().copy(query) as reading,
        target.cursor().copy(f"copy original.{mart} ({names}) from stdin") as writing,
    ):
        for block in reading:
            writing.write(block)
    return _one(target, f"select count(*) from original.{mart}")  # type: ignore[no-any-return]


def _month(connection: Connection[Any], number: int, *, is_new: bool) -> tuple[float, float]:
    """Publish one month's marts; is_new: from new files. Returns seconds of building the heaps, and of recording."""
    invocation, building = f"month {number}", 0.0
    for mart, (key, changed) in MARTS.items():
        if is_new:
            _new_files(connection, mart, key, changed, number)
        building += _seconds(lambda m=mart, k=key: _stage(connection, m, k, invocation))
    with connection.transaction(force_rollback=True):
        recording = _seconds(lambda: connection.execute("select history.record(%s, %s)", (ORIGINAL, invocation)))
    connection.execute("select tenancy.publish(%s, %s)", (ORIGINAL, invocation))
    return building, recording


def _new_files(
    connection: Connection[Any], mart: str, key: tuple[str, ...], changed: tuple[str, ...], number: int
) -> None:
    """Other values in some rows; another record number and other evidence in all."""
    names = [name for name, _ in connection.execute(_COLUMNS, (f"original.{mart}",)).fetchall()]
    drawn = f"abs(hashtext(concat_ws('|', {', '.join(key)}, {number}))) %% 100 < {CHANGED_PCT}".replace("%%", "%")
    moved = [f"{n} = {n} + 1" for n in names if n.endswith("_record_no")]
    moved += [f"{n} = case when {n} = 0 then 0 else {n} + 20 end" for n in names if n.endswith("_evidence_no")]
    values = [f"{n} = case when {drawn} then {n} * 1.01 else {n} end" for n in changed]
    connection.execute(f"update original.{mart} set {', '.join(moved + values)}")
    connection.execute(f"vacuum original.{mart}")


def _stage(connection: Connection[Any], mart: str, key: tuple[str, ...], invocation: str) -> None:
    """As dbt stages a model: the heap, its primary key, statistics. Raises RuntimeError with the database's words."""
    finish = [f"create unique index on %s ({', '.join(key)})"]
    query = f"select * from original.{mart}"
    answer = _one(
        connection, "select tenancy.stage('marts', %s, %s, %s, %s, %s)", mart, ORIGINAL, invocation, query, finish
    )
    if not answer["ok"]:
        raise RuntimeError(f"{mart} was not staged: {answer}")


def _size_line(connection: Connection[Any], rows: int) -> list[Result]:
    history, heaps = (
        _one(connection, _SIZE, schemas) for schemas in (["history", "history__leaf"], ["marts__leaf"])
    )  # fmt: skip
    copies = BUILDS * heaps
    first = _one(connection, "select count(*) from history.dim_properties where history_build_no = 1")
    note = (
        f"{rows:,} rows of {len(MARTS)} marts, {BUILDS} monthly builds, {CHANGED_PCT} % changed; {first:,} properties"
    )
    return [
        result(
            f"{PREFIX}.size", history / 1e6, "MB", f"{BUILDS} copies {copies / 1e6:.0f} MB", history / copies, *SIZE,
            note,
        ),
        result(
            f"{PREFIX}.bytes_a_row_and_build", history / rows / BUILDS, "bytes",
            f"a copy {heaps / rows:.0f} bytes", note="first build and indexes included",
        ),
    ]  # fmt: skip


def _recording(name: str, months: list[tuple[float, float]], note: str) -> Result:
    building, recording = (statistics.median(one) for one in zip(*months, strict=True))
    return result(
        name, recording, "s", f"building the heaps by a plain copy {building:.2f} s", recording / building,
        *RECORDING, note,
    )  # fmt: skip


def _cell_as_of(warehouse: Warehouse) -> Result:
    """One cell as of the middle of the year beside today's row by its primary key, as the application."""
    ours, theirs = [], []
    with warehouse.as_app(ORIGINAL) as connection:
        day = _day(connection)
        for (property_id,) in connection.execute(_SAMPLE, (ORIGINAL, CELLS)).fetchall():
            key = Jsonb({"property_id": property_id})
            ours.append(_seconds(lambda key=key: connection.execute(_CELL, (ORIGINAL, key, day)).fetchall()))
            theirs.append(_seconds(lambda p=property_id: connection.execute(_LOOK_UP, (ORIGINAL, p)).fetchall()))
    ours_p95, theirs_p95 = (statistics.quantiles(one, n=20)[-1] for one in (ours, theirs))
    middle, middle_of_floor = statistics.median(ours), statistics.median(theirs)
    return result(
        f"{PREFIX}.cell_as_of", middle * 1000, "ms", f"today's row by its key {middle_of_floor * 1000:.2f} ms",
        middle / middle_of_floor, *CELL,
        f"median of {CELLS} cells; p95 {ours_p95 * 1000:.2f} ms against {theirs_p95 * 1000:.2f} ms",
    )  # fmt: skip


def _tenant_as_of(warehouse: Warehouse) -> Result:
    """Every row of a mart as of the middle of the year, read column by column."""
    text = (
        "select history.state_of(s.tenant_id, s.mart, s.build_no, s.key_columns, s.other_columns)"
        " from history.shape_at(%s, 'dim_properties', %s) s"
    )
    with warehouse.as_owner() as connection:
        state = _one(connection, text.replace("s.build_no", str(BUILDS // 2)), ORIGINAL, BUILDS // 2)
        read, now = f"create temp table found as select * from {state} s", "create temp table found as select * from"
        today = f"{now} marts.dim_properties where tenant_id = '{ORIGINAL}'"
        seconds: dict[str, list[float]] = {read: [], today: []}
        for _ in range(ROUNDS):
            for statement in seconds:
                seconds[statement].append(_seconds(lambda s=statement: connection.execute(s)))
                connection.execute("drop table found")
    ours, floor = (statistics.median(seconds[one]) for one in (read, today))
    return result(f"{PREFIX}.tenant_as_of", ours, "s", f"today's mart {floor:.2f} s", ours / floor)


def _day(connection: Connection[Any]) -> Any:
    query = "select published_at from history.build where tenant_id = %s and build_no = %s"
    return _one(connection, query, ORIGINAL, BUILDS // 2)


def _one(connection: Connection[Any], statement: str, *parameters: Any) -> Any:
    return connection.execute(statement, parameters).fetchall()[0][0]


def _seconds(work: Callable[[], Any]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started

"""History: what a publication records, and what every mart said on an earlier day."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg import errors
from psycopg.types.json import Jsonb

from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import add_tenant

Connection = psycopg.Connection[tuple[Any, ...]]
Row = tuple[Any, ...]
TENANT, OTHER = "alpha", "beta-1"
COLUMNS = (
    "lot text, area integer, names text[], place geometry(Point, 4326), assessor_evidence_no integer,"
    " assessor_record_no integer"
)
POINT = "SRID=4326;POINT(-71.1 42.37)"


@pytest.fixture
def warehouse(warehouse_db: Any) -> Warehouse:
    made = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in (TENANT, OTHER):
        add_tenant(made, tenant, tenant_name=tenant, description="x", base_uri="file:///")
    return made


@pytest.fixture
def owner(warehouse: Warehouse) -> Iterator[Connection]:
    with warehouse.as_owner() as connection:
        yield connection


def lot(
    name: str, area: int | None = 1, names: str = "{a}", point: str = POINT, evidence: int = 1, record: int = 0
) -> Row:
    """One row of the made mart, in the order of COLUMNS."""
    return (name, area, names, point, evidence, record)


def stage(owner: Connection, rows: list[Row], invocation: str, tenant: str = TENANT, columns: str = COLUMNS) -> None:
    """Stage rows as the mart dim_lots, whose primary key is the lot."""
    types = [column.strip().split(" ", 1) for column in columns.replace("Point, 4326", "Point~4326").split(",")]
    typed = ", ".join(f"{name}::{kind.replace('~', ', ')}" for name, kind in types)
    values = ", ".join("(" + ", ".join("null" if v is None else f"'{v}'" for v in row) + ")" for row in rows)
    names = ", ".join(name for name, _ in types)
    query = f"select '__TENANT__'::text as tenant_id, {typed} from (values {values}) as v ({names})"
    finish = ["alter table %s alter lot set not null", "create unique index on %s (lot)"]
    answer = one(owner, "select tenancy.stage('marts', 'dim_lots', %s, %s, %s, %s)", tenant, invocation, query, finish)
    assert answer["ok"], answer


def publish(owner: Connection, rows: list[Row], invocation: str, **more: Any) -> dt.datetime:
    """Stage and publish rows; returns when they were served."""
    stage(owner, rows, invocation, **more)
    tenant = more.get("tenant", TENANT)
    owner.execute("select tenancy.publish(%s, %s)", (tenant, invocation))
    return one(
        owner, "select published_at from history.build where tenant_id = %s order by build_no desc limit 1", tenant
    )  # type: ignore[no-any-return]


def one(connection: Connection, statement: str, *parameters: Any) -> Any:
    """The first cell."""
    return connection.execute(statement, parameters).fetchall()[0][0]


def row_at(connection: Connection, name: str, when: dt.datetime, tenant: str = TENANT) -> dict[str, Any] | None:
    found: dict[str, Any] | None = one(
        connection, "select history.row_at(%s, 'dim_lots', %s, %s)", tenant, Jsonb({"lot": name}), when
    )
    return found


def recorded(owner: Connection) -> dict[str, int]:
    """Rows of every table of the schema history."""
    names = [
        n
        for (n,) in owner.execute(
            "select relname from pg_class where relnamespace = 'history'::regnamespace and relkind in ('r', 'p')"
        )
    ]
    return {name: one(owner, f"select count(*) from history.{name}") for name in sorted(names)}


def test_every_day_has_its_own_answer(owner: Connection) -> None:
    first = publish(owner, [lot("a", 1), lot("b", 2, evidence=1, record=1)], "1")
    second = publish(owner, [lot("a", 9, evidence=1), lot("c", 3, evidence=2)], "2")
    third = publish(owner, [lot("b", 5, evidence=2, record=7), lot("c", None, evidence=2)], "3")
    assert [row_at(owner, "a", t) and row_at(owner, "a", t)["area"] for t in (first, second, third)] == [1, 9, None]  # type: ignore[index]
    assert row_at(owner, "a", third) is None, "it vanished"
    assert row_at(owner, "b", second) is None
    again = row_at(owner, "b", third) or {}
    assert (again["area"], again["assessor_evidence_no"], again["assessor_record_no"]) == (5, 2, 7)
    nothing = row_at(owner, "c", third) or {}
    assert nothing["area"] is None, "known to be unknown, which is not the same as not there"
    assert row_at(owner, "a", first - dt.timedelta(seconds=1)) is None
    assert row_at(owner, "nowhere", third) is None


def test_an_unchanged_build_adds_nothing_but_its_own_line(owner: Connection) -> None:
    rows = [lot("a"), lot("b", 2, "{x,y}", record=1)]
    publish(owner, rows, "1")
    before = recorded(owner)
    publish(owner, rows, "2")
    assert recorded(owner) == before | {"build": before["build"] + 1}


def expected(rows: list[Row]) -> dict[str, Row]:
    return {row[0]: row for row in rows}


def state(connection: Connection, when: dt.datetime, tenant: str = TENANT) -> dict[str, Row]:
    """Every row of dim_lots as of a day, in the order of COLUMNS, the point as it was given."""
    rows = connection.execute("select history.rows_at(%s, 'dim_lots', %s)", (tenant, when)).fetchall()
    found = {}
    for (row,) in rows:
        assert row["tenant_id"] == tenant
        x, y = row["place"]["coordinates"]
        names = "{" + ",".join(row["names"]) + "}"
        place = f"SRID=4326;POINT({x} {y})"
        found[row["lot"]] = (
            row["lot"],
            row["area"],
            names,
            place,
            row["assessor_evidence_no"],
            row["assessor_record_no"],
        )
    return found


CELLS = st.tuples(
    st.one_of(st.none(), st.integers(0, 2)),
    st.sampled_from(["{}", "{a}", "{a,b}"]),
    st.sampled_from([POINT, "SRID=4326;POINT(-71.2 42.37)"]),
    st.integers(0, 3),
    st.integers(0, 2),
)
BUILDS = st.lists(st.dictionaries(st.sampled_from("abcdef"), CELLS, min_size=1), min_size=2, max_size=5)
numbers = count(1)


@settings(max_examples=12)
@given(builds=BUILDS, forgets=st.booleans())
def test_history_is_what_was_served(module_warehouse_db: Any, builds: list[dict[str, Row]], forgets: bool) -> None:
    """Whatever the builds, each day's rows are that day's; also where the served heap is not the recorded one."""
    warehouse = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    tenant = f"t{next(numbers)}"
    add_tenant(warehouse, tenant, tenant_name=tenant, description="x", base_uri="file:///")
    served = []
    with warehouse.as_owner() as owner:
        for build in builds:
            rows = [(name, *cells) for name, cells in build.items()]
            served.append((publish(owner, rows, f"{len(served)}", tenant=tenant), rows))
            if forgets:
                owner.execute("update history.build set heaps = '{}' where tenant_id = %s", (tenant,))
        for when, rows in served:
            assert state(owner, when, tenant) == expected(rows)
        for when, rows in served:
            assert {name: row_at(owner, name, when, tenant) is not None for name in "abcdef"} == {
                name: name in expected(rows) for name in "abcdef"
            }


def test_evidence_that_moves_with_its_file_writes_no_row(owner: Connection) -> None:
    """A stage that runs again numbers its evidence anew: one line says so for all rows of a support."""
    rows = [lot(name, evidence=1 if name < "d" else 2, record=i) for i, name in enumerate("abcdef")]
    publish(owner, rows, "1")
    before = recorded(owner)
    moved = [(*row[:4], row[4] + 10, row[5]) for row in rows]
    when = publish(owner, moved, "2")
    assert recorded(owner) == before | {"build": 2, "support": before["support"] + 2}
    assert state(owner, when) == expected(moved)
    one_went_elsewhere = [(*row[:4], 12 if row[0] == "a" else 21 if row[0] < "d" else 12, row[5]) for row in moved]
    when = publish(owner, one_went_elsewhere, "3")
    after = recorded(owner)
    assert after["dim_lots"] == before["dim_lots"]
    assert after["dim_lots__prov"] == before["dim_lots__prov"] + 1
    assert state(owner, when) == expected(one_went_elsewhere)


def test_a_changed_cell_is_all_that_is_written_of_its_row(owner: Connection) -> None:
    publish(owner, [lot("a", 1, "{x}")], "1")
    publish(owner, [lot("a", None, "{x}")], "2")
    found = owner.execute(
        "select history_changed, area, names, place from history.dim_lots where history_build_no = 2"
    ).fetchall()
    assert found == [(["area"], None, None, None)]


def test_a_swap_that_is_tried_again_records_once(owner: Connection, warehouse: Warehouse) -> None:
    publish(owner, [lot("a", 1)], "1")
    stage(owner, [lot("a", 2)], "2")
    with warehouse.as_app(TENANT) as reader, reader.transaction():
        reader.execute("select * from marts.dim_lots where tenant_id = 'alpha'")
        with pytest.raises(errors.LockNotAvailable, match="long transaction"):
            owner.execute("select tenancy.publish('alpha', '2', '20ms', 3)")
        assert one(owner, "select count(*) from history.dim_lots") == 1, "what was not served was not recorded"
    with ThreadPoolExecutor(1) as pool, warehouse.as_app(TENANT) as reader:
        with reader.transaction():
            reader.execute("select * from marts.dim_lots where tenant_id = 'alpha'")
            publishing = pool.submit(_publish_alone, warehouse, "2")
            time.sleep(0.3)
        publishing.result(30)
    assert one(owner, "select count(*) from history.dim_lots") == 2
    assert one(owner, "select array_agg(build_no) from history.build") == [1, 2]


def _publish_alone(warehouse: Warehouse, invocation: str) -> None:
    with warehouse.as_owner() as connection:
        connection.execute("select tenancy.publish('alpha', %s, '20ms', 40)", (invocation,))


def test_a_column_that_a_migration_adds_is_remembered_from_then_on(owner: Connection) -> None:
    first = publish(owner, [lot("a"), lot("b")], "1")
    owner.execute("alter table marts.dim_lots add column zone text")
    wider = [(*lot("a"), "R1"), (*lot("b"), None)]
    second = publish(owner, wider, "2", columns=COLUMNS + ", zone text")
    before, after = row_at(owner, "a", first) or {}, row_at(owner, "a", second) or {}
    assert before["area"] == 1
    assert "zone" not in before, "the mart had no such column then"
    assert after["zone"] == "R1"
    assert row_at(owner, "b", second) == {**(row_at(owner, "b", first) or {}), "zone": None}
    assert one(owner, "select count(*) from history.dim_lots where history_build_no = 2") == 1, "b is as it was"


def test_a_mart_without_a_key_is_published_and_has_no_history(owner: Connection) -> None:
    query = "select '__TENANT__'::text as tenant_id, 1 as n"
    assert one(owner, "select tenancy.stage('marts', 'keyless', 'alpha', 'k', %s, '{}')", query)["ok"]
    assert one(owner, "select tenancy.publish('alpha', 'k')") == 1
    assert one(owner, "select history.row_at('alpha', 'keyless', '{}', now())") is None


def test_a_key_that_names_no_row_is_refused_with_the_columns_it_takes(owner: Connection) -> None:
    when = publish(owner, [lot("a")], "1")
    with pytest.raises(errors.InvalidParameterValue, match="a row of dim_lots is named by lot, not by"):
        one(owner, "select history.row_at('alpha', 'dim_lots', '{\"parcel\": 1}', %s)", when)


def test_the_run_that_published_is_kept(owner: Connection) -> None:
    publish(owner, [lot("a")], "by hand")
    owner.execute("select set_config('app.run_id', 'run-7', false)")
    publish(owner, [lot("a", 2)], "by a run")
    assert owner.execute("select build_no, invocation_id, run_id, marts from history.build order by 1").fetchall() == [
        (1, "by hand", None, ["dim_lots"]), (2, "by a run", "run-7", ["dim_lots"]),
    ]  # fmt: skip


def test_a_marts_columns_may_have_any_name(owner: Connection) -> None:
    """Those of history's own tables, too: a column of fct_changes is called field."""
    query = (
        "select '__TENANT__'::text as tenant_id, 'a' as lot, 'f' as field, 1 as build_no, 2 as support_no, mart,"
        " base, base as top, 3 as assessor_evidence_no from (values ('m', {0})) as v (mart, base)"
    )
    finish = [
        "alter table %s alter lot set not null, alter field set not null",
        "create unique index on %s (lot, field)",
    ]
    for number in (1, 2):
        invocation = f"i{number}"
        staged = one(
            owner, "select tenancy.stage('marts', 'odd', 'alpha', %s, %s, %s)", invocation, query.format(number), finish
        )
        assert staged["ok"], staged
        owner.execute("update history.build set heaps = '{}'")  # compared with the history itself
        assert one(owner, "select tenancy.publish('alpha', %s)", invocation) == 1
    found = one(owner, 'select history.row_at(\'alpha\', \'odd\', \'{"lot": "a", "field": "f"}\', now())')
    assert found == {
        "tenant_id": "alpha", "lot": "a", "field": "f", "build_no": 1, "support_no": 2, "mart": "m", "base": 2,
        "top": 2, "assessor_evidence_no": 3,
    }  # fmt: skip

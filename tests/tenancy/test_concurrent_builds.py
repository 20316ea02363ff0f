"""Builds that meet: two of one tenant, many first ones at once, killed ones, and long readers beside them.

Waits are asserted by lock timeouts of a millisecond, not by clocks: whoever would have to wait fails at once.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import errors

from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import add_tenant

from .seeding import Connection

TENANTS = ("north", "south", "east-2", "west")
MODELS = ("dim_a", "dim_b", "fct_c")
SOON = 20.0  # seconds after which a background step counts as stuck


@pytest.fixture
def warehouse(warehouse_db: Any) -> Warehouse:
    made = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    for tenant in TENANTS:
        add_tenant(made, tenant, tenant_name=tenant, description="x", base_uri="file:///")
    return made


def model_sql(tag: str, pause: float = 0) -> str:
    wait = f"(select pg_sleep({pause}))" if pause else "null"
    return (
        f"select '__TENANT__'::text as tenant_id, n, '{tag}'::text as tag, {wait}::text as nothing"
        " from generate_series(1, 500) as n"
    )


def stage(connection: Connection, tenant: str, tag: str, models: tuple[str, ...] = MODELS) -> None:
    for model in models:
        answer = connection.execute(
            "select tenancy.stage('marts', %s, %s, %s, %s, '{}')", (model, tenant, tag, model_sql(tag))
        ).fetchall()[0][0]
        assert answer["ok"], answer


def publish(connection: Connection, tenant: str, tag: str, *, timeout: str = "300ms", tries: int = 40) -> int:
    statement = "select tenancy.publish(%s, %s, %s, %s)"
    count: int = connection.execute(statement, (tenant, tag, timeout, tries)).fetchall()[0][0]
    return count


def build(warehouse: Warehouse, tenant: str, tag: str, models: tuple[str, ...] = MODELS) -> None:
    with warehouse.as_owner() as connection:
        stage(connection, tenant, tag, models)
        publish(connection, tenant, tag)


def served(warehouse: Warehouse, tenant: str, models: tuple[str, ...] = MODELS) -> set[tuple[str, int]]:
    """(tag, rows) of every model of the tenant, as the app sees them: one element where all are of one build."""
    found: set[tuple[str, int]] = set()
    with warehouse.as_app(tenant) as app:
        for model in models:
            query = f"select tag, count(*) from marts.{model} where tenant_id = '{tenant}' group by 1"
            found |= set(app.execute(query).fetchall())
    return found


@contextmanager
def reading(warehouse: Warehouse, tenant: str, where: str) -> Iterator[Connection]:
    """A reader that keeps its transaction open."""
    with warehouse.as_app(tenant) as app, app.transaction():
        app.execute(f"select count(*) from marts.dim_a {where}")
        yield app


def eventually(condition: Callable[[], Any]) -> Any:
    deadline = time.monotonic() + SOON
    while not (answer := condition()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)
    return answer


def backend_running(warehouse: Warehouse, words: str, *, asleep: bool = False) -> int | None:
    """The pid of a backend of this database whose current statement holds the words (and that is in pg_sleep)."""
    with warehouse.as_owner() as owner:
        rows = owner.execute(
            "select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            " and state = 'active' and query like %s and (wait_event = 'PgSleep' or not %s)",
            (f"%{words}%", asleep),
        ).fetchall()
    return int(rows[0][0]) if rows else None


def test_two_builds_of_one_tenant_end_as_exactly_one_of_them(warehouse: Warehouse) -> None:
    build(warehouse, "north", "start")
    for turn in range(5):
        barrier = threading.Barrier(2)

        def run(tag: str, barrier: threading.Barrier = barrier) -> None:
            with warehouse.as_owner() as connection:
                barrier.wait(SOON)
                stage(connection, "north", tag)
                publish(connection, "north", tag)

        with ThreadPoolExecutor(2) as pool:
            for future in [pool.submit(run, f"{side} {turn}") for side in ("left", "right")]:
                future.result(SOON)
        state = served(warehouse, "north")
        assert len(state) == 1, state
        assert state <= {(f"left {turn}", 500), (f"right {turn}", 500)}


def test_readers_never_see_a_half_or_empty_table_while_builds_meet(warehouse: Warehouse) -> None:
    build(warehouse, "north", "start")
    stop = threading.Event()

    def read() -> tuple[int, list[int]]:
        counts = []
        with warehouse.as_app("north") as app:
            while not stop.is_set():
                query = "select count(*), count(distinct tag) from marts.dim_a where tenant_id = 'north'"
                counts.append(app.execute(query).fetchall()[0])
        return len(counts), sorted(set(counts) - {(500, 1)})

    with ThreadPoolExecutor(4) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        builders = [
            pool.submit(lambda side: [build(warehouse, "north", f"{side} {n}") for n in range(5)], side)
            for side in ("left", "right")
        ]
        for builder in builders:
            builder.result(2 * SOON)
        stop.set()
        answers = [reader.result(SOON) for reader in readers]
    assert all(reads > 0 and wrong == [] for reads, wrong in answers), answers


def test_first_builds_of_many_tenants_make_each_parent_once(warehouse: Warehouse) -> None:
    for turn in range(5):
        models = tuple(f"{model}_{turn}" for model in MODELS)
        barrier = threading.Barrier(len(TENANTS))

        def run(tenant: str, models: tuple[str, ...] = models, barrier: threading.Barrier = barrier) -> None:
            with warehouse.as_owner() as connection:
                stage(connection, tenant, "first", models)
                barrier.wait(SOON)
                publish(connection, tenant, "first")

        with ThreadPoolExecutor(len(TENANTS)) as pool:
            list(pool.map(run, TENANTS))
        assert all(served(warehouse, tenant, models) == {("first", 500)} for tenant in TENANTS)
    with warehouse.as_owner() as owner:
        parents = owner.execute(
            "select c.relname, c.relforcerowsecurity, count(i.inhrelid) from pg_class c"
            " join pg_inherits i on i.inhparent = c.oid where c.relnamespace = 'marts'::regnamespace group by 1, 2"
        ).fetchall()
    assert len(parents) == 5 * len(MODELS)
    assert all(forced and tenants == len(TENANTS) for _, forced, tenants in parents)


def test_two_runs_that_prepare_the_same_partitions_meet(warehouse: Warehouse) -> None:
    """As dbt's runs do at their start, so that a model can read a table of which the tenant has no file yet."""
    tables = ("property", "parcel", "owner", "hazard_zone")
    for table in tables:
        barrier = threading.Barrier(len(TENANTS))

        def run(_: int, table: str = table, barrier: threading.Barrier = barrier) -> None:
            with warehouse.as_owner() as connection:
                barrier.wait(SOON)
                connection.execute("select tenancy.ensure('raw', %s, 'north', null, 'file_no')", (table,))

        with ThreadPoolExecutor(len(TENANTS)) as pool:
            list(pool.map(run, range(len(TENANTS))))
    with warehouse.as_owner() as owner:
        leaves = owner.execute("select parent from tenancy.leaves_of('north') order by 1").fetchall()
    assert leaves == [(f"raw.{table}",) for table in sorted(tables)]


def test_a_long_reader_of_one_tenant_makes_no_other_tenant_wait(warehouse: Warehouse) -> None:
    for tenant in ("north", "south"):
        build(warehouse, tenant, "old")
    with ThreadPoolExecutor(1) as pool, warehouse.as_owner() as owner:
        with reading(warehouse, "north", "where tenant_id = 'north'"):
            blocked = pool.submit(build, warehouse, "north", "newer")
            eventually(lambda: backend_running(warehouse, "tenancy.publish"))
            for turn in range(20):
                # Onto whatever the blocked publication holds or queues for just now.
                stage(owner, "south", f"new {turn}")
                assert publish(owner, "south", f"new {turn}", timeout="1ms", tries=1) == len(MODELS)
                with warehouse.as_app("south") as app:
                    app.execute("set lock_timeout = '1ms'")
                    for model in MODELS:
                        app.execute(f"select count(*) from marts.{model} where tenant_id = 'south'")
            stage(owner, "east-2", "first")
            assert publish(owner, "east-2", "first", timeout="1ms", tries=1) == len(MODELS), "onboarding neither"
            assert not blocked.done()
            assert served(warehouse, "north") == {("old", 500)}
        blocked.result(SOON)
    assert served(warehouse, "north") == {("newer", 500)}


def test_the_publication_names_who_holds_it_up_and_changes_nothing(warehouse: Warehouse) -> None:
    build(warehouse, "north", "old")
    with warehouse.as_owner() as owner, reading(warehouse, "north", "") as reader:
        stage(owner, "north", "new")
        with pytest.raises(
            errors.LockNotAvailable, match=rf"long transaction \(pid {reader.info.backend_pid}, reos_app"
        ):
            publish(owner, "north", "new", timeout="20ms", tries=2)
        assert served(warehouse, "north") == {("old", 500)}
    with warehouse.as_owner() as owner:
        assert publish(owner, "north", "new") == len(MODELS)


def test_one_tenants_reader_does_not_hold_up_the_others_of_the_same_run(warehouse: Warehouse) -> None:
    """publish_all goes on to the next tenant and comes back: the read tenant is the first of the list."""
    for tenant in TENANTS:
        build(warehouse, tenant, "old")
    with warehouse.as_owner() as owner:
        for tenant in TENANTS:
            stage(owner, tenant, "new")
    with ThreadPoolExecutor(1) as pool:
        with reading(warehouse, "north", "where tenant_id = 'north'"):
            run = pool.submit(_publish_all, warehouse, "new")
            eventually(lambda: all(served(warehouse, t) == {("new", 500)} for t in TENANTS[1:]))
            assert not run.done()
            assert served(warehouse, "north") == {("old", 500)}
        run.result(SOON)
    assert served(warehouse, "north") == {("new", 500)}


def _publish_all(warehouse: Warehouse, tag: str) -> None:
    with warehouse.as_owner() as owner:
        owner.execute("call tenancy.publish_all(%s, %s)", (tag, list(TENANTS)))


def _stage_all(warehouse: Warehouse, tag: str, pause: float = 0) -> None:
    with warehouse.as_owner() as owner:
        for model in MODELS:
            owner.execute(
                "call tenancy.stage_all(%s, %s, '{}', 'marts', %s, %s, %s, '{}', null)",
                (tag, model, model, list(TENANTS), model_sql(tag, pause if model == "fct_c" else 0)),
            )


def test_a_terminated_build_changes_nothing_and_a_rerun_heals(warehouse: Warehouse) -> None:
    for tenant in TENANTS:
        build(warehouse, tenant, "old")
    with ThreadPoolExecutor(1) as pool:
        run = pool.submit(_stage_all, warehouse, "new", 60)
        pid = eventually(lambda: backend_running(warehouse, "stage_all", asleep=True))
        _terminate(warehouse, pid)
        with pytest.raises(psycopg.OperationalError):
            run.result(SOON)
    assert all(served(warehouse, tenant) == {("old", 500)} for tenant in TENANTS)
    with warehouse.as_owner() as owner:
        staged = owner.execute("select distinct model_name from tenancy.staged order by 1").fetchall()
        assert staged == [("dim_a",), ("dim_b",)], "what was finished stays staged, what was not left nothing"
        assert _heaps_outside(owner) == 0
    _stage_all(warehouse, "rerun")
    _publish_all(warehouse, "rerun")
    assert all(served(warehouse, tenant) == {("rerun", 500)} for tenant in TENANTS)


def test_a_terminated_publication_leaves_each_tenant_old_or_new(warehouse: Warehouse) -> None:
    for tenant in TENANTS:
        build(warehouse, tenant, "old")
    _stage_all(warehouse, "new")
    with ThreadPoolExecutor(1) as pool, reading(warehouse, "east-2", "where tenant_id = 'east-2'"):
        run = pool.submit(_publish_all, warehouse, "new")
        eventually(lambda: all(served(warehouse, t) == {("new", 500)} for t in ("north", "south", "west")))
        _terminate(warehouse, eventually(lambda: backend_running(warehouse, "publish_all")))
        with pytest.raises(psycopg.OperationalError):
            run.result(SOON)
        assert served(warehouse, "east-2") == {("old", 500)}
    _publish_all(warehouse, "new")
    assert served(warehouse, "east-2") == {("new", 500)}


BUILDER = """
import sys
import psycopg
dsn, stage, publish = sys.argv[1:]
with psycopg.connect(dsn, autocommit=True) as connection:
    with connection.transaction():
        connection.execute(stage)
    with connection.transaction():
        connection.execute(publish)
        print("swapped, not committed", flush=True)
        sys.stdin.read()
"""


def test_a_client_killed_in_the_middle_of_publishing_changes_nothing(warehouse: Warehouse) -> None:
    build(warehouse, "north", "old")
    models = "; ".join(
        f"select tenancy.stage('marts', '{m}', 'north', 'new', $q${model_sql('new')}$q$, '{{}}')" for m in MODELS
    )
    arguments = [warehouse.owner_dsn, models, "select tenancy.publish('north', 'new')"]
    program = subprocess.Popen(
        [sys.executable, "-c", BUILDER, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert program.stdout is not None
        assert program.stdout.readline() == "swapped, not committed\n"
    finally:
        program.send_signal(signal.SIGKILL)
        program.communicate(timeout=SOON)
    # The server notices that its client is gone and takes everything back; until then the tenant's readers wait.
    assert served(warehouse, "north") == {("old", 500)}
    with warehouse.as_owner() as owner:
        assert publish(owner, "north", "new") == len(MODELS)
    assert served(warehouse, "north") == {("new", 500)}


def _terminate(warehouse: Warehouse, pid: int) -> None:
    with warehouse.as_owner() as owner:
        assert owner.execute("select pg_terminate_backend(%s, 10000)", (pid,)).fetchall() == [(True,)]


def _heaps_outside(owner: Connection) -> int:
    """Heaps that are neither attached nor staged: what a killed build would have lost track of."""
    query = (
        "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where n.nspname like '%\\_\\_leaf' and c.relkind = 'r' and not c.relispartition"
        " and not exists (select from tenancy.staged s where s.heap_name = c.relname)"
    )
    return int(owner.execute(query).fetchall()[0][0])

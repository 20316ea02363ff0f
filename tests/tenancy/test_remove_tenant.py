"""Removing a tenant takes everything of it, and of nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import sql

from real_estate_assets.stores.warehouse.tenants import (
    TenantBusyError,
    UnknownTenantError,
    add_tenant,
    get_tenant,
    remove_tenant,
)

from .seeding import TENANTS, Connection, Estate, build, mark

GONE = "acme-tx"
KEPT = tuple(tenant for tenant in TENANTS if tenant != GONE)


def _tables(connection: Connection) -> list[tuple[str, str]]:
    """Every relation that stores or shows rows, outside Postgres' own schemas."""
    rows = connection.execute(
        "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace"
        " where c.relkind in ('r', 'p', 'm', 'v', 'f') and n.nspname !~ '^(pg_|information_schema$)' order by 1, 2"
    ).fetchall()
    return [(schema, name) for schema, name in rows]


def traces(connection: Connection, tenant: str) -> list[str]:
    """Whatever in the database and its cluster still speaks of the tenant, found without knowing where to look."""
    key, role, schema = connection.execute(
        "select tenancy.leaf_key(%(t)s), tenancy.analyst_role(%(t)s), tenancy.analyst_schema(%(t)s)", {"t": tenant}
    ).fetchall()[0]
    found = []
    for name in _tables(connection):
        rows = connection.execute(
            sql.SQL("select t::text from {} t where strpos(t::text, %s) > 0").format(sql.Identifier(*name)), (tenant,)
        ).fetchall()
        found += [f"row of {name}: {row}" for (row,) in rows]
    for catalog, column in (
        ("pg_class", "relname"),
        ("pg_type", "typname"),
        ("pg_namespace", "nspname"),
        ("pg_roles", "rolname"),
        ("pg_constraint", "conname || coalesce(pg_get_constraintdef(oid), '')"),
        ("pg_class", "coalesce(pg_get_expr(relpartbound, oid), '')"),
        ("pg_policy", "polname"),
        ("pg_db_role_setting", "setrole::regrole::text || array_to_string(setconfig, ' ')"),
        ("pg_shdepend", "refobjid::text || case deptype when 'a' then pg_describe_object(refclassid, refobjid, 0) end"),
    ):
        for word in (tenant, key, role, schema):
            rows = connection.execute(
                f"select {column} from {catalog} where strpos({column}, %s) > 0", (word,)
            ).fetchall()
            found += [f"{catalog}: {row}" for (row,) in rows]
    return found


def checksums(connection: Connection) -> dict[tuple[str, str, str], tuple[str, int]]:
    """(digest of all rows, file on disk) of every table, by the tenant that the rows belong to ('' = nobody)."""
    answer = {}
    for schema, name in _tables(connection):
        if name in ("geometry_columns", "geography_columns"):
            continue  # lists of relations, a removed tenant's too
        relation = sql.Identifier(schema, name)
        columns = connection.execute(
            "select attname from pg_attribute where attrelid = %s::regclass and attname = 'tenant_id'",
            (relation.as_string(connection),),
        ).fetchall()
        owner = sql.SQL("tenant_id") if columns else sql.SQL("''")
        rows = connection.execute(
            sql.SQL(
                "select {owner}, md5(string_agg(t::text, '|' order by t::text)),"
                " coalesce(pg_relation_filenode({name}), 0)"
                " from {relation} t group by 1"
            ).format(owner=owner, relation=relation, name=sql.Literal(relation.as_string(connection)))
        ).fetchall()
        answer.update({(schema, name, tenant): (digest, file) for tenant, digest, file in rows})
    return answer


def test_nothing_of_the_tenant_is_left_and_others_are_untouched(new_estate: Callable[[], Estate]) -> None:
    estate = new_estate()
    with estate.as_superuser() as connection:
        assert len(traces(connection, GONE)) > 60, "there was much to remove"
        before = checksums(connection)
        with psycopg.connect(estate.analyst_dsn(GONE)) as session:
            removal = remove_tenant(estate.warehouse, GONE)
            with pytest.raises(psycopg.OperationalError):  # the tenant's analysts are logged out
                session.execute("select 1")
        assert traces(connection, GONE) == []
        after = checksums(connection)
        assert after == {key: value for key, value in before.items() if key in after}
        assert {key for key in before.keys() - after.keys() if key[2] not in ("", GONE)} == set()
        assert all(traces(connection, tenant) for tenant in KEPT)
    assert removal.relations > 10
    shared = [
        key for key in before.keys() - after.keys() if key[2] == GONE and key[0] in ("prov", "quarantine", "tenancy")
    ]
    assert removal.rows >= len(shared) >= 10
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(estate.analyst_dsn(GONE))
    for tenant in KEPT:
        with psycopg.connect(estate.analyst_dsn(tenant)) as session:
            assert session.execute("select distinct note from dim_properties").fetchall() == [(mark(tenant),)]


def test_a_removed_tenant_can_come_back_and_starts_from_nothing(new_estate: Callable[[], Estate]) -> None:
    estate = new_estate()
    remove_tenant(estate.warehouse, GONE)
    with pytest.raises(UnknownTenantError):
        get_tenant(estate.warehouse, GONE)
    with pytest.raises(UnknownTenantError):
        remove_tenant(estate.warehouse, GONE)
    add_tenant(estate.warehouse, GONE, tenant_name="again", description="x", base_uri="file:///")
    with estate.warehouse.as_owner() as owner:
        assert owner.execute("select count(*) from tenancy.outcome where tenant_id = %s", (GONE,)).fetchall() == [(0,)]
        assert build(owner, GONE, "again") == 3
    with estate.warehouse.as_app(GONE) as app:
        query = "select count(*) from marts.dim_properties where tenant_id = %s"
        assert app.execute(query, (GONE,)).fetchall() == [(201,)]


def test_removing_waits_for_readers_and_makes_no_other_tenant_wait(new_estate: Callable[[], Estate]) -> None:
    """A reader without a tenant literal has locks on every tenant's leaf: the removal waits, in nobody's way."""
    estate = new_estate()
    with ThreadPoolExecutor(1) as pool:
        with estate.warehouse.as_app("birch") as reader, reader.transaction():
            reader.execute("select count(*) from marts.dim_properties")
            with pytest.raises(TenantBusyError, match="remove acme-tx again"):
                remove_tenant(estate.warehouse, GONE, patience_s=0.3)
            removal = pool.submit(remove_tenant, estate.warehouse, GONE)
            with estate.warehouse.as_app("cedar-9") as other:
                other.execute("set lock_timeout = '1ms'")
                for _ in range(50):
                    threading.Event().wait(0.01)
                    query = "select count(*) from marts.dim_properties where tenant_id = 'cedar-9'"
                    assert other.execute(query).fetchall() == [(201,)]
            assert not removal.done()
        removal.result(30)
    with estate.as_superuser() as connection:
        assert traces(connection, GONE) == []


def test_removing_waits_for_a_running_build_which_leaves_nothing_behind(new_estate: Callable[[], Estate]) -> None:
    estate = new_estate()
    slow = "select '__TENANT__'::text as tenant_id, pg_sleep(0.5)::text as nothing"
    started = threading.Event()

    def build_slowly() -> list[bool]:
        answers = []
        with estate.warehouse.as_owner() as owner:
            for model in ("m1", "m2", "m3", "m4"):
                started.set()
                answer = owner.execute(
                    "select tenancy.stage('marts', %s, %s, 'slow', %s, '{}')", (model, GONE, slow)
                ).fetchall()[0][0]
                answers.append(answer["ok"])
            owner.execute(
                "call tenancy.stage_all('slow', 'm5', '{}', 'marts', 'm5', %s, %s, '{}', null)", ([GONE], slow)
            )
        return answers

    with ThreadPoolExecutor(1) as pool:
        building = pool.submit(build_slowly)
        started.wait(10)
        threading.Event().wait(0.2)
        remove_tenant(estate.warehouse, GONE)
        answers = building.result(30)
    assert answers[0], "what was under way was waited for"
    assert not answers[-1], "what came later was refused"
    with estate.as_superuser() as connection:
        assert traces(connection, GONE) == []


def test_a_removal_that_was_cut_short_is_finished_by_the_next(new_estate: Callable[[], Estate]) -> None:
    """Cut in the middle of a detach, which Postgres remembers as pending."""
    estate = new_estate()
    with estate.warehouse.as_owner() as owner:
        leaf = owner.execute(
            "select leaf from tenancy.leaves_of(%s) where parent = 'marts.fct_sales'", (GONE,)
        ).fetchall()
        with estate.warehouse.as_app("birch") as reader, reader.transaction():
            reader.execute("select count(*) from marts.fct_sales")
            owner.execute("set lock_timeout = '100ms'")
            with pytest.raises(psycopg.errors.LockNotAvailable):
                owner.execute(f"alter table marts.fct_sales detach partition {leaf[0][0]} concurrently")
        pending = owner.execute("select count(*) from tenancy.leaves_of(%s) where is_pending", (GONE,)).fetchall()
        assert pending == [(1,)]
    remove_tenant(estate.warehouse, GONE)
    with estate.as_superuser() as connection:
        assert traces(connection, GONE) == []

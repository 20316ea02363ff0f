"""A tenant's history is the tenant's: read by its own logins only, and gone with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from psycopg.types.json import Jsonb

from real_estate_assets.stores.warehouse.tenants import remove_tenant

from .seeding import SHARED_PROPERTY_ID, TENANTS, Connection, Estate, build, mark

HOME, OTHER = "birch", "acme-tx"
KEY = Jsonb({"property_id": SHARED_PROPERTY_ID})
READS = {
    "row_at": "select history.row_at(%(tenant)s, 'dim_properties', %(key)s, now())",
    "rows_at": "select r from history.rows_at(%(tenant)s, 'dim_properties', now()) r where r @> %(key)s",
    "build_at": "select b from history.build_at(%(tenant)s, now()) b where (b).build_no is not null",
    "shape_at": "select s from history.shape_at(%(tenant)s, 'dim_properties', 1) s",
    "supports_at": "select s from history.supports_at(%(tenant)s, 'dim_properties', 'assessor_evidence_no', 1) s",
    "table": "select h from history.dim_properties h where tenant_id = %(tenant)s",
}


def answers(connection: Connection, query: str, tenant: str) -> list[Any]:
    rows = connection.execute(query, {"tenant": tenant, "key": KEY}).fetchall()
    return [value for (value,) in rows if value is not None]


@pytest.mark.parametrize("read", READS)
def test_each_login_reads_its_own_tenants_history_and_no_other(estate: Estate, read: str) -> None:
    with estate.warehouse.as_app(HOME) as app, psycopg.connect(estate.analyst_dsn(HOME)) as analyst:
        for login in (app, analyst):
            own = answers(login, READS[read], HOME)
            assert own
            assert not any(mark(other) in str(own) for other in TENANTS if other != HOME)
            assert answers(login, READS[read], OTHER) == []


def test_a_statement_made_by_the_database_gives_no_more_than_its_reader_may_see(estate: Estate) -> None:
    """state_of answers with a query's text; whoever runs it is bound as in any query of their own."""
    text = "select history.state_of(%s, 'dim_properties', 1, '{property_id}', '{note,assessor_evidence_no}')"
    with estate.warehouse.as_app(HOME) as app:
        counts = [
            app.execute(f"select count(*) from {app.execute(text, (tenant,)).fetchall()[0][0]} s").fetchall()[0][0]
            for tenant in (HOME, OTHER)
        ]
    assert counts == [201, 0]


def test_nobody_but_the_owner_writes_history(estate: Estate) -> None:
    with estate.warehouse.as_app(HOME) as app, psycopg.connect(estate.analyst_dsn(HOME), autocommit=True) as analyst:
        analyst.execute("set default_transaction_read_only = off")  # refusals must come from privileges
        for login in (app, analyst):
            for statement in (
                "update history.build set run_id = 'x'",
                "delete from history.dim_properties",
                "select history.record('birch', 'x')",
            ):
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    login.execute(statement)


def test_a_removed_tenants_history_is_gone_and_anothers_is_not(new_estate: Callable[[], Estate]) -> None:
    estate = new_estate()
    with estate.as_superuser() as everyone:
        remove_tenant(estate.warehouse, OTHER)
        leaves = everyone.execute(
            "select relname from pg_class where relnamespace = 'history__leaf'::regnamespace"
            " and strpos(relname, tenancy.leaf_key(%s)) > 0",
            (OTHER,),
        ).fetchall()
        assert leaves == []
        for table in ("build", "shape", "support", "dim_properties", "dim_properties__prov"):
            held = {t for (t,) in everyone.execute(f"select distinct tenant_id from history.{table}")}
            assert held == set(TENANTS) - {OTHER}, table
    with estate.warehouse.as_owner() as owner:
        build(owner, HOME, "again")
        assert answers(owner, READS["row_at"], HOME)

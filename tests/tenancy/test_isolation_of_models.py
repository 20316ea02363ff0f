"""The isolation matrix over what dbt really builds: every model, seed and view of the project, three tenants."""

from __future__ import annotations

from typing import Any

import pytest

from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import create_analyst

from ..integration import dbt_estate  # noqa: TID252 - one estate for dbt, kept where dbt is tested
from .attacks import Report, attackers, run_matrix
from .seeding import TENANTS, Estate

pytestmark = pytest.mark.slow

TRIED = ("app of another tenant", "app without a tenant", "analyst of another tenant", "analyst who sets app.tenant_id")


@pytest.fixture(scope="module")
def estate(module_warehouse_db: Any, stranger: str, tmp_path_factory: pytest.TempPathFactory) -> Estate:
    settings = module_warehouse_db.settings
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    built = dbt_estate.Estate(settings, warehouse, tmp_path_factory.mktemp("dbt"))
    dbt_estate.seed_public(built)
    for tenant in TENANTS:
        dbt_estate.seed_tenant(built, tenant)
    for command in ("seed", "run"):
        done = built.dbt(command, tenants=TENANTS)
        assert done.returncode == 0, done.stdout[-3000:]
    return Estate(settings, warehouse, {tenant: create_analyst(warehouse, tenant) for tenant in TENANTS})


@pytest.fixture(scope="module")
def report(estate: Estate) -> Report:
    return run_matrix(estate, [one for one in attackers(estate) if one.name in TRIED])


def test_no_attempt_on_a_model_gets_a_foreign_row(report: Report, record_property: Any) -> None:
    record_property("attempts", report.total)
    assert report.breaches == []
    assert report.total >= 1000


def test_the_app_and_the_analyst_see_their_own_rows_of_every_mart_that_has_some(report: Report, estate: Estate) -> None:
    with estate.as_superuser() as connection:
        marts = connection.execute(
            "select c.relname from pg_class c where c.relnamespace = 'marts'::regnamespace and c.relkind = 'p'"
        ).fetchall()
        filled = [
            name
            for (name,) in marts
            if connection.execute(f"select 1 from marts.{name} where tenant_id = 'birch' limit 1").fetchall()
        ]
    assert len(filled) >= 7
    for name in filled:
        own = [
            report.own_rows["app of another tenant", f'"marts"."{name}"'],
            report.own_rows["analyst of another tenant", f'"marts"."{name}"'],
            report.own_rows["analyst of another tenant", f'"an_birch"."{name}"'],
        ]
        assert own[0] > 0, name
        assert len(set(own)) == 1, name

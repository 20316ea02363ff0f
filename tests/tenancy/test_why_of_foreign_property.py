"""Asking why, listing weak cells and exporting as one tenant tell nothing of another: not even that it is there."""

from __future__ import annotations

import json
from typing import Any

import psycopg
import pytest

from real_estate_assets.core.provenance.prov_document import prov_json
from real_estate_assets.stores.warehouse import Warehouse, enrichment, evidence, lineage
from real_estate_assets.stores.warehouse import why as asking
from real_estate_assets.stores.warehouse.property_lookup import NoSuchPropertyError, PropertyLookupError, find_property
from real_estate_assets.stores.warehouse.tables import publication
from real_estate_assets.stores.warehouse.tenants import add_tenant, create_analyst

OWN, FOREIGN = "acme-tx", "birch"
IDS = {OWN: "8a6e0804-2bd0-5672-b79d-d97027f9071a", FOREIGN: "18514eab-456f-58be-9393-af1ab8fff487"}
SHARED = "6f3c1e52-0b7d-4c0a-9a54-2f8f0f6f4d11"  # the same real property for both
ADDRESS = {OWN: "1 MAIN ST", FOREIGN: "2 MAIN ST"}
FIELDS = ("property_id", "parcel_number", "unit_number", "address_usps", "address_raw", "city", "year_built")
SELECT = """
select '__TENANT__'::text as tenant_id, id::uuid as property_id, upper(parcel) as parcel_number,
  null::text as unit_number, address as address_usps, address as address_raw, '__TENANT__ city'::text as city,
  'MA'::text as state_or_province, 1900 + length('__TENANT__') as year_built, '101'::text as use_code,
  'HOME'::text as use_description, '{}'::jsonb as null_reasons, 1 as assessor_evidence_no, 0 as assessor_record_no,
  'assessor_roll'::text as assessor_source_kind, date '2013-01-01' as assessor_vintage
from (values ('%s', 'P-__TENANT__', '%s'), ('%s', 'SHARED', '9 ELM ST')) as rows (id, parcel, address)
"""


@pytest.fixture(scope="module")
def warehouse(module_warehouse_db: Any) -> Warehouse:
    """Two tenants, each with a property of its own and one that both have, built and published as dbt's models are."""
    made = Warehouse(module_warehouse_db.dsn("owner"), module_warehouse_db.dsn("app"))
    for tenant in (OWN, FOREIGN):
        add_tenant(made, tenant, tenant_name=tenant, description="{}", base_uri="file:///")
        method = evidence.Method("read_and_cast", "1", "read", "stated")
        evidence.add_evidence(made, tenant, method, run_id=f"run of {tenant}", field_group="assessor")
        with publication(made, tenant, "addresses") as to:
            enrichment.stage_addresses(to, [_address(text) for text in (ADDRESS[tenant], "9 ELM ST")])
        with made.as_owner() as connection:
            query = SELECT % (IDS[tenant], ADDRESS[tenant], SHARED)
            stage = "select tenancy.stage('marts', 'dim_properties', %s, 'seed', %s, '{}')"
            built = connection.execute(stage, (tenant, query)).fetchall()[0][0]
            assert built["ok"], built
            connection.execute("select tenancy.publish(%s, 'seed')", (tenant,))
    with made.as_owner() as connection:
        connection.cursor().executemany(
            "insert into prov.field_map (mart, field, field_group, method)"
            " values ('dim_properties', %s, 'assessor', 'copy')",
            [(name,) for name in FIELDS],
        )
    return made


def _address(text: str) -> list[Any]:
    known = {"address_raw": text, "address_usps": text, "address_key": text, "status": "standardized"}
    known |= {"parser": "doorplate", "parser_version": "1"}
    return [known.get(column) for column in enrichment.ADDRESS_COLUMNS]


def test_ones_own_property_is_answered(warehouse: Warehouse) -> None:
    for name in (IDS[OWN], f"P-{OWN}", ADDRESS[OWN]):
        answer = asking.why(warehouse, None, OWN, name, "year_built")
        assert (answer.value, answer.property_id) == (1907, IDS[OWN])
    assert len(asking.why_all(warehouse, OWN, IDS[OWN])) == len(FIELDS)


@pytest.mark.parametrize("name", [IDS[FOREIGN], f"P-{FOREIGN}", ADDRESS[FOREIGN]], ids=["id", "parcel", "address"])
def test_a_foreign_property_is_answered_as_one_that_is_nowhere(warehouse: Warehouse, name: str) -> None:
    nowhere = "00000000-0000-4000-8000-000000000000"
    told = {}
    for asked in (name, nowhere):
        for call in (
            lambda text: find_property(warehouse, OWN, text),
            lambda text: asking.why(warehouse, None, OWN, text, "year_built"),
            lambda text: asking.why_all(warehouse, OWN, text),
        ):
            with pytest.raises(NoSuchPropertyError) as caught:
                call(asked)
            told.setdefault(asked, set()).add(str(caught.value).replace(asked, "NAME"))
    assert told[name] == told[nowhere]
    assert len(told[name]) == 1


@pytest.mark.parametrize("tenant", ["nobody", "", "acme-tx' or true --"])
def test_a_tenant_that_is_not_there_has_no_properties(warehouse: Warehouse, tenant: str) -> None:
    with pytest.raises(PropertyLookupError, match="can be seen here"):
        asking.why(warehouse, None, tenant, SHARED, "year_built")
    assert asking.low_trust(warehouse, tenant, "dim_properties", below=1.0) == []


@pytest.mark.parametrize(("tenant", "other"), [(OWN, FOREIGN), (FOREIGN, OWN)])
def test_of_a_property_that_both_have_each_is_told_its_own(warehouse: Warehouse, tenant: str, other: str) -> None:
    answers = asking.why_all(warehouse, tenant, SHARED)
    told = json.dumps([answer.document for answer in answers]) + prov_json(answers)
    assert f"{tenant} city" in told
    assert f"run of {tenant}" in told
    assert other not in told


def test_weak_cells_and_lineage_are_ones_own(warehouse: Warehouse) -> None:
    rows = asking.low_trust(warehouse, OWN, "dim_properties", below=1.0, limit=100)
    assert {row.key["property_id"] for row in rows} <= {IDS[OWN], SHARED}
    assert lineage.tenant_files(warehouse, "nobody") == []


def test_an_analyst_is_told_nothing_of_a_foreign_property(warehouse: Warehouse, module_warehouse_db: Any) -> None:
    login = create_analyst(warehouse, OWN)
    dsn = module_warehouse_db.settings.login_dsn(login.role, _secret(login.password))
    with psycopg.connect(dsn, autocommit=True) as connection:
        for setting in ("", FOREIGN):  # an analyst may set it, and gains nothing
            connection.execute("select set_config('app.tenant_id', %s, false)", (setting,))
            ask = "select prov.why(%s, %s::uuid, 'year_built')"
            assert connection.execute(ask, (FOREIGN, IDS[FOREIGN])).fetchone() == (None,)
            assert connection.execute(ask, (FOREIGN, SHARED)).fetchone() == (None,)
            assert connection.execute(ask, (OWN, IDS[FOREIGN])).fetchone() == (None,)
            own = connection.execute(ask, (OWN, IDS[OWN])).fetchall()[0][0]
            assert own["value"] == 1907


def _secret(text: str) -> Any:
    from pydantic import SecretStr

    return SecretStr(text)

"""prov.why and the trust of marts show a login its own tenant's cells; another's are as if they did not exist."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg import errors
from psycopg.types.json import Jsonb

from real_estate_assets.core.provenance.trust_model import newest_model
from real_estate_assets.stores.warehouse import Warehouse, registry
from real_estate_assets.stores.warehouse.tenants import AnalystLogin, add_tenant, create_analyst

from .seeding import Estate, mark

Connection = psycopg.Connection[tuple[Any, ...]]
HOME, OTHER, NOBODY = "birch", "acme-tx", "no-such-tenant"
SHARED = "8a6e0804-2bd0-5672-b79d-d97027f9071a"  # a property that both tenants have
FOREIGN = "00000000-0000-5000-8000-000000000001"  # one that only the other has
ABSENT = "00000000-0000-5000-8000-00000000000f"
PROPERTIES = """
select '__TENANT__'::text as tenant_id, p.id as property_id, 'mark of __TENANT__'::text as address_raw,
       1900 as year_built, null::text as zoning, null::text as use_code, null::text as use_description,
       '{}'::jsonb as null_reasons, 'roll'::text as assessor_source_kind, date '2013-01-01' as assessor_vintage,
       null::integer as assessor_checks_failed, 1 as assessor_evidence_no, 0 as assessor_record_no
from unnest(array['%s', case when '__TENANT__' = '%s' then '%s' end]::uuid[]) as p (id) where p.id is not null
"""
RANKED = """
select '__TENANT__'::text as tenant_id, p.id as property_id, 1 as file_no, 1 as record_no, 2 as property_rank,
       'roll'::text as source_name, 'roll'::text as source_kind, date '2012-01-01' as vintage
from unnest(array['%s', case when '__TENANT__' = '%s' then '%s' end]::uuid[]) as p (id) where p.id is not null
"""
FIELDS = (
    ("property_id", "assessor"), ("address_raw", "assessor"), ("year_built", "assessor"), ("zoning", "assessor"),
    ("use_code", "assessor"), ("use_description", "assessor"), ("null_reasons", "provenance"), ("tenant_id", "tenant"),
    ("assessor_source_kind", "provenance"), ("assessor_vintage", "provenance"), ("assessor_record_no", "provenance"),
    ("assessor_checks_failed", "provenance"), ("assessor_evidence_no", "provenance"),
)  # fmt: skip
BULK = (
    "select t::text from prov.trust_cells(%s, 'dim_properties') t",
    "select t::text from prov.trust_summary(%s, 'dim_properties') t",
    "select t::text from prov.low_trust(%s, 'dim_properties', 1.1) t",
    "select t::text from prov.recalled_evidence(%s) t",
)


@pytest.fixture(scope="module")
def estate(module_warehouse_db: Any) -> Estate:
    """Two tenants with a property in common, a second record of it, evidence; the other one has taken a file back."""
    settings = module_warehouse_db.settings
    warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
    registry.append_reviewed(warehouse, {"trust_model": [newest_model()]})
    analysts: dict[str, AnalystLogin] = {}
    for tenant in (HOME, OTHER):
        add_tenant(warehouse, tenant, tenant_name=tenant, description="x", base_uri="file:///")
        analysts[tenant] = create_analyst(warehouse, tenant)
    with warehouse.as_owner() as owner:
        owner.execute("insert into prov.method values ('read', '1', 'x', null, 'x')")
        owner.cursor().executemany(
            "insert into prov.field_map (mart, field, field_group, method) values ('dim_properties', %s, %s, 'copy')",
            FIELDS,
        )
        for tenant in (HOME, OTHER):
            _fill(owner, tenant)
        owner.execute(
            "insert into prov.recall (tenant_id, file_no, reason, recalled_by) values (%s, 2, %s, 'a')",
            (OTHER, mark(OTHER)),
        )
    return Estate(settings, warehouse, analysts)


def _fill(owner: Connection, tenant: str) -> None:
    for number in (1, 2):
        owner.execute(
            "insert into prov.source_file (tenant_id, file_no, sha256, source_name, source_kind, uri, object_key,"
            " byte_count, record_type, source_format, licence, locator_kind, source_entry, source_entry_sha256)"
            " values (%s, %s, %s, %s, 'roll', %s, 'k', 1, 'property', 'csv', 'x', 'csv_row',"
            " '{\"columns\": {\"zoning\": 1}}', 'x')",
            (tenant, number, f"{number:064x}", mark(tenant), mark(tenant)),
        )
        owner.execute(
            "insert into prov.evidence (tenant_id, evidence_no, file_no, method, code_version, run_id, field_group)"
            " values (%s, %s, %s, 'read', '1', %s, 'assessor')",
            (tenant, number, number, mark(tenant)),
        )
    heap = owner.execute("select tenancy.stage_empty('raw', 'property', %s, 'raw')", (tenant,)).fetchall()[0][0]
    for record, reason in ((0, "null_marker"), (1, "unparseable")):
        owner.execute(
            f'insert into raw__leaf."{heap}" (tenant_id, file_no, record_no, evidence_no, address_raw, null_reasons)'
            " values (%s, 1, %s, 1, %s, %s)",
            (tenant, record, mark(tenant), Jsonb({"zoning": reason})),
        )
    owner.execute("select tenancy.attach_file('raw', 'property', %s, 1, 'raw')", (tenant,))
    for schema, model, query in (
        ("intermediate", "int_property_records__ranked", RANKED),
        ("marts", "dim_properties", PROPERTIES),
    ):
        staged = owner.execute(
            "select tenancy.stage(%s, %s, %s, 'build', %s, %s)",
            (schema, model, tenant, query % (SHARED, OTHER, FOREIGN), ["create unique index on %s (property_id)"]),
        ).fetchall()[0][0]
        assert staged["ok"], staged
    owner.execute("select tenancy.publish(%s, 'build')", (tenant,))


@contextmanager
def login(estate: Estate, kind: str) -> Iterator[Connection]:
    """A login entitled to HOME; one analyst pretends, by a setting, to be the application of the other tenant."""
    if kind == "app":
        with estate.warehouse.as_app(HOME) as connection:
            yield connection
        return
    with psycopg.connect(estate.analyst_dsn(HOME), autocommit=True) as connection:
        if kind == "analyst who sets app.tenant_id":
            connection.execute("select set_config('app.tenant_id', %s, false)", (OTHER,))
        yield connection


LOGINS = ("app", "analyst", "analyst who sets app.tenant_id")


def why(connection: Connection, tenant: str, prop: str, field: str) -> dict[str, Any] | None:
    return connection.execute("select prov.why(%s, %s::uuid, %s)", (tenant, prop, field)).fetchall()[0][0]


@pytest.mark.parametrize("kind", LOGINS)
def test_each_login_is_answered_about_its_own_tenant(estate: Estate, kind: str) -> None:
    with login(estate, kind) as connection:
        answer = why(connection, HOME, SHARED, "address_raw")
        assert answer is not None
        assert answer["value"] == mark(HOME)
        assert 0 < answer["trust"] < 1
        assert [r["value"] for r in answer["rivals"]] == [mark(HOME)]
        assert answer["evidence"][0]["file"]["uri"] == mark(HOME)
        empty = why(connection, HOME, SHARED, "zoning")
        assert empty is not None
        assert empty["null_reason"] == "null_marker", "read from the raw record, which no login may read"
        for statement in BULK[:3]:
            assert connection.execute(statement, (HOME,)).fetchall(), statement


@pytest.mark.parametrize("kind", LOGINS)
def test_another_tenants_property_is_as_one_that_does_not_exist(estate: Estate, kind: str) -> None:
    with login(estate, kind) as connection:
        for tenant, prop in (
            (OTHER, SHARED),
            (OTHER, FOREIGN),
            (OTHER, ABSENT),
            (NOBODY, SHARED),
            (HOME, FOREIGN),
            (HOME, ABSENT),
        ):
            for field in ("address_raw", "zoning", "assessor_evidence_no"):
                assert why(connection, tenant, prop, field) is None
        for statement in BULK:
            assert (
                connection.execute(statement, (OTHER,)).fetchall()
                == connection.execute(statement, (NOBODY,)).fetchall()
                == []
            )


@pytest.mark.parametrize("kind", LOGINS)
def test_nothing_of_another_tenant_is_in_an_answer_or_an_error(estate: Estate, kind: str) -> None:
    with login(estate, kind) as connection:
        for field, _ in FIELDS:
            assert OTHER not in json.dumps(why(connection, HOME, SHARED, field)), field
        said = []
        for tenant in (OTHER, NOBODY):
            for ask in (
                "prov.why(%s, 'no such mart', '{}'::jsonb, 'x')",
                "prov.why(%s, 'dim_properties', '{}'::jsonb, 'year_built')",
            ):
                said.append(str(connection.execute(f"select {ask}", (tenant,)).fetchall()))
        assert set(said) == {"[(None,)]"}
        with pytest.raises(errors.UndefinedColumn) as refused:
            why(connection, HOME, FOREIGN, "no_such_field")
        assert OTHER not in str(refused.value)


@pytest.mark.parametrize("kind", LOGINS)
def test_the_functions_that_read_as_the_owner_ask_who_is_calling(estate: Estate, kind: str) -> None:
    with login(estate, kind) as connection:
        asked = {
            tenant: (
                connection.execute(
                    "select * from prov.rival_records(%s, %s, 'address_raw')", (tenant, SHARED)
                ).fetchall(),
                connection.execute("select prov.reason_in_record(%s, 1, 0, 'zoning')", (tenant,)).fetchall(),
            )
            for tenant in (HOME, OTHER, NOBODY)
        }
    assert len(asked[HOME][0]) == 1
    assert asked[HOME][1] == [("null_marker",)]
    assert asked[OTHER] == asked[NOBODY] == ([], [(None,)])


def test_without_a_tenant_the_application_is_told_nothing(estate: Estate) -> None:
    with psycopg.connect(estate.settings.dsn("app"), autocommit=True) as connection:
        assert why(connection, HOME, SHARED, "address_raw") is None
        assert (
            connection.execute("select * from prov.rival_records(%s, %s, 'address_raw')", (HOME, SHARED)).fetchall()
            == []
        )
        for statement in BULK:
            assert connection.execute(statement, (HOME,)).fetchall() == []


def test_a_recall_of_one_tenant_says_nothing_to_another(estate: Estate) -> None:
    with estate.warehouse.as_app(OTHER) as other, login(estate, "app") as home:
        assert other.execute(BULK[3], (OTHER,)).fetchall() == [("2",)]
        assert home.execute(BULK[3], (OTHER,)).fetchall() == home.execute(BULK[3], (HOME,)).fetchall() == []


def test_what_runs_as_the_owner_is_these_functions_and_no_more(estate: Estate) -> None:
    """A new function that runs as its owner passes row-level security by; it is reviewed, and named here."""
    with estate.as_superuser() as connection:
        found = connection.execute(
            "select proname from pg_proc where prosecdef and pronamespace = 'prov'::regnamespace"
            " and (has_function_privilege('reos_app', oid, 'execute')"
            " or has_function_privilege('reos_analyst', oid, 'execute'))"
            " and proname ~ '^(why|trust|low_trust|path|cell|row|rival|reason)' order by 1"
        ).fetchall()
    assert found == [("reason_in_record",), ("rival_records",)]

"""The auditor finds what is planted: five kinds of faults, each in real rows of a small tenant, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import auditor
import psycopg
import pytest

from tests.integration.audited import ROWS, TENANT, altered, audit, deliver, wrong
from tests.made_platform import Platform, platform

PLANTS = 7  # of each kind that is planted in rows


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("audit") / "platform") as opened:
        deliver(opened)
        yield opened


def _plant(made: Platform, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    with made.warehouse.as_owner() as connection:
        return connection.execute(statement, parameters).fetchall()


def _keys(made: Platform, mart: str, key: str, condition: str = "true") -> list[str]:
    rows = made.query(f"select {key}::text from marts.{mart} where tenant_id = %s and {condition} order by 1 limit {PLANTS}", TENANT)
    return [row[0] for row in rows]


def test_every_cell_of_the_tenant_is_right_and_audited(made: Platform) -> None:
    summary = audit(made)
    told = [(f.mart, f.field, f.what, f.expected, f.found) for f in summary.tenants[0].findings[:10]]
    assert told == []
    assert summary.is_clean
    marts = {verdict.mart for verdict in summary.tenants[0].verdicts}
    assert marts == {row[0] for row in made.query("select distinct mart from prov.field_map")}
    assert summary.cells == sum(
        made.one(f"select count(*) from marts.{mart} where tenant_id = %s", TENANT)
        * made.one("select count(*) from prov.field_map where mart = %s", mart)
        for mart in marts
    )


def _found(made: Platform, mart: str, key: str, keys: list[str], fields: set[str], change: str, undo: str) -> set[str]:
    """Plants a fault in each row, audits all cells, takes the faults out; returns the keys of rows that were found."""
    _plant(made, f"update marts.{mart} set {change} where tenant_id = %s and {key}::text = any(%s) returning 1", TENANT, keys)
    try:
        found = wrong(audit(made))
    finally:
        _plant(made, f"update marts.{mart} set {undo} where tenant_id = %s and {key}::text = any(%s) returning 1", TENANT, keys)
    assert {field for m, field, _ in found if m == mart} >= fields
    return {row_key.split("|")[0] for m, _, row_key in found if m == mart}


@pytest.mark.parametrize(
    ("mart", "key", "column"),
    [
        ("dim_properties", "property_id", "assessor_record_no"),
        ("fct_sales", "sale_id", "sale_record_no"),
        ("dim_parcels", "parcel_number", "parcel_geometry_record_no"),
    ],
)
def test_a_locator_off_by_one_is_found(made: Platform, mart: str, key: str, column: str) -> None:
    keys = _keys(made, mart, key)
    found = _found(made, mart, key, keys, {column}, f"{column} = {column} + 1", f"{column} = {column} - 1")
    assert found >= set(keys) if key != "parcel_number" else len(found) >= 1


def test_a_changed_value_is_found(made: Platform) -> None:
    keys = _keys(made, "dim_properties", "property_id")
    field = "assessed_total_value_usd"
    found = _found(
        made, "dim_properties", "property_id", keys, {field}, f"{field} = {field} + 0.01", f"{field} = {field} - 0.01"
    )
    assert found == set(keys)


def test_a_value_made_null_is_found(made: Platform) -> None:
    keys = _keys(made, "fct_sales", "sale_id")
    old = dict(made.query("select sale_id::text, deed_reference from marts.fct_sales where tenant_id = %s", TENANT))
    assert set(old.values()) == {None}
    found = _found(made, "fct_sales", "sale_id", keys, {"deed_reference"}, "deed_reference = '1/2'", "deed_reference = null")
    assert found == set(keys)


def test_a_flipped_byte_is_found_by_its_fingerprint_and_named(made: Platform) -> None:
    stored = made.query(
        "select 'tenants/' || tenant_id || '/' || object_key, uri from prov.source_file where tenant_id = %s"
        " union all select 'public/' || object_key, uri from prov.public_file where layer in ('flood', 'scores', 'prices')",
        TENANT,
    )
    objects = Path(made.settings.object_store_url.removeprefix("file://"))
    assert len(stored) == 7
    for key, name in stored:
        path = objects / key
        with altered(path, path.stat().st_size // 2):
            summary = audit(made)
        told = {f.what for f in summary.tenants[0].findings if f.verdict == auditor.MISMATCH}
        assert any("sha256" in str(what) and Path(name).stem in str(what) for what in told), (name, told)
    assert audit(made).is_clean


@pytest.mark.parametrize(
    ("mart", "field", "method"),
    [
        ("dim_properties", "property_id", "copy"),
        ("dim_properties", "address_usps", "copy"),
        ("dim_properties", "year_built", "derived"),
        ("dim_parcels", "parcel_area_m2", "copy"),
        ("fct_sales", "is_arms_length", "copy"),
        ("fct_property_hazards", "zone_code", "copy"),
        ("fct_property_hazards", "hazard_score", "hazard_join"),
    ],
)
def test_a_wrong_method_of_a_field_is_found(made: Platform, mart: str, field: str, method: str) -> None:
    statement = "update prov.field_map set method = %s where mart = %s and field = %s returning 1"
    right = made.one("select method from prov.field_map where mart = %s and field = %s", mart, field)
    _plant(made, statement, method, mart, field)
    try:
        found = wrong(audit(made))
    finally:
        _plant(made, statement, right, mart, field)
    assert {(m, f) for m, f, _ in found} == {(mart, field)}


def test_a_wrong_method_of_evidence_is_found(made: Platform) -> None:
    hazard = made.one(
        "select evidence_no from prov.evidence where tenant_id = %s and method = 'hazard_polygon_overlap'"
        " and evidence_no in (select hazard_evidence_no from marts.fct_property_hazards where tenant_id = %s)",
        TENANT,
        TENANT,
    )
    change = "update prov.evidence set (method, code_version) = (%s, (select min(code_version) from prov.method where method = %s))"
    where = " where tenant_id = %s and evidence_no = %s returning 1"
    _plant(made, change + where, "read_and_cast", "read_and_cast", TENANT, hazard)
    try:
        found = wrong(audit(made))
    finally:
        _plant(made, change + where, "hazard_polygon_overlap", "hazard_polygon_overlap", TENANT, hazard)
    assert found
    assert {mart for mart, _, _ in found} == {"fct_property_hazards"}


def test_evidence_of_a_superseded_file_is_found(made: Platform) -> None:
    older, newer = (
        made.one("select evidence_no from prov.source_file where tenant_id = %s and uri = %s", TENANT, uri)
        for uri in ("fy13.csv", "fy14.csv")
    )
    keys = _keys(made, "dim_properties", "property_id", f"assessor_evidence_no = {newer}")
    found = _found(
        made,
        "dim_properties",
        "property_id",
        keys,
        {"assessor_evidence_no"},
        f"assessor_evidence_no = {older}",
        f"assessor_evidence_no = {newer}",
    )
    assert found == set(keys)
    assert len(keys) == PLANTS


def test_verdicts_are_written_by_a_login_that_can_do_nothing_else(made: Platform) -> None:
    summary = audit(made, 200, record=True)
    number = summary.tenants[0].audit_no
    run = made.query(
        "select cells, matched, mismatched, not_audited, audited_by, seed from prov.audit_run"
        " where tenant_id = %s and audit_no = %s",
        TENANT,
        number,
    )
    assert run == [(summary.cells, summary.cells, 0, 0, "reos_auditor", "test")]
    cells = made.one("select count(*) from prov.audit_cell where tenant_id = %s and audit_no = %s", TENANT, number)
    methods = made.one("select sum(cells) from prov.audit_method where tenant_id = %s and audit_no = %s", TENANT, number)
    assert cells == methods == summary.cells
    with psycopg.connect(made.settings.dsn("auditor"), autocommit=True) as login:
        assert login.execute("select count(*) from marts.dim_properties").fetchone() == (0,)
        login.execute("select set_config('app.tenant_id', %s, false)", [TENANT])
        assert login.execute("select count(*) from marts.dim_properties").fetchone() == (ROWS,)
        for statement in (
            "select * from raw.property",
            "select value from quarantine.record",
            "update marts.dim_properties set city = 'X'",
            "delete from prov.audit_cell",
            "update prov.audit_run set matched = cells",
            "set role reos_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                login.execute(statement)
        other = "insert into prov.audit_run (tenant_id, audit_no, seed, auditor_sha256, started_at, cells, matched, mismatched,"
        other += " not_audited) values ('elsewhere', 1, 's', repeat('a', 64), now(), 0, 0, 0, 0)"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(other)


def test_the_seed_decides_the_cells(made: Platform) -> None:
    def cells(seed: str) -> list[tuple[Any, ...]]:
        return [(v.mart, v.field, *v.row_key.values()) for v in audit(made, 300, seed).tenants[0].verdicts]

    assert cells("a") == cells("a")
    assert cells("a") != cells("b")
    assert len(set(cells("a"))) == len(cells("a")) >= 300

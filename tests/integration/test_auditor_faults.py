"""The auditor finds what is planted: five kinds of faults, each in real rows of a small tenant, and nothing else."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

import auditor
from auditor.ledger import KEYS, Ledger
from auditor.trust import Trust
from real_estate_assets.cli import app
from real_estate_assets.defs.trust.auditing import recompute_trust
from tests.integration.audited import ROWS, TENANT, altered, audit, deliver, wrong
from tests.made_platform import Platform, platform

EACH = 6  # rows that one fault is planted in

# Kind of fault, mart, key, how it is planted, how it is taken out, the field that must be named. Rows of one mart are
# taken one after the other, so that no row has two faults.
PLANTS = [
    ("locator", "dim_properties", "property_id", "assessor_record_no = assessor_record_no + 1", "assessor_record_no"),
    ("locator", "fct_sales", "sale_id", "sale_record_no = sale_record_no - 1", "sale_record_no"),
    ("locator", "dim_parcels", "parcel_number", "parcel_geometry_record_no = 999", "parcel_geometry_record_no"),
    ("value", "dim_properties", "property_id", "year_built = year_built + 1", "year_built"),
    ("value", "fct_sales", "sale_id", "deed_reference = '1/2'", "deed_reference"),
    ("value", "dim_parcels", "parcel_number", "parcel_area_m2 = parcel_area_m2 * 1.00001", "parcel_area_m2"),
    ("value", "fct_assessments", "property_id", "assessed_total_value_usd = null", "assessed_total_value_usd"),
    ("value", "fct_property_hazards", "property_id", "hazard_score = hazard_score / 2", "hazard_score"),
    ("stale", "dim_properties", "property_id", "assessor_evidence_no = {older}", "assessor_evidence_no"),
    ("stale", "fct_sales", "sale_id", "sale_evidence_no = {older}", "sale_evidence_no"),
]


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("audit") / "platform") as opened:
        deliver(opened)
        yield opened


def _execute(made: Platform, statement: str, *parameters: Any) -> int:
    with made.warehouse.as_owner() as connection:
        return connection.execute(statement, parameters).rowcount


@contextmanager
def _kept(made: Platform, table: str) -> Iterator[None]:
    """The tenant's rows of a table as they were, whatever is done to them meanwhile."""
    _execute(made, f"create table public.kept as select * from {table} where tenant_id = '{TENANT}'")
    try:
        yield
    finally:
        _execute(made, f"delete from {table} where tenant_id = %s", TENANT)
        _execute(made, f"insert into {table} select * from public.kept")
        _execute(made, "drop table public.kept")


def _plant(made: Platform, mart: str, plants: list[tuple[str, ...]]) -> dict[tuple[str, str], set[str]]:
    """Plants faults into rows of one mart; returns (kind, field) -> keys of the rows."""
    older, newer = (
        made.one("select evidence_no from prov.source_file where tenant_id = %s and uri = %s", TENANT, uri)
        for uri in ("fy13.csv", "fy14.csv")
    )
    condition = {
        "dim_properties": f"assessor_evidence_no = {newer}",
        "fct_sales": f"sale_evidence_no = {newer} and sale_record_no > 0",
        "fct_property_hazards": "peril = 'flood'",
        "fct_assessments": "fiscal_year = 2014",
    }.get(mart, "true")
    planted: dict[tuple[str, str], set[str]] = {}
    key = plants[0][2]
    rows = made.query(f"select {key}::text from marts.{mart} where tenant_id = %s and {condition} order by 1", TENANT)
    names = [name for (name,) in rows]
    for place, (kind, _, _, change, field) in enumerate(plants):
        chosen = names[place * EACH : (place + 1) * EACH]
        statement = f"update marts.{mart} set {change} where tenant_id = %s and {key}::text = any(%s) and {condition}"
        assert _execute(made, statement.format(older=older), TENANT, chosen) == EACH
        planted[kind, field] = set(chosen)
    return planted


METHODS = [
    ("dim_properties", "property_id", "copy"),
    ("dim_properties", "address_usps", "copy"),
    ("dim_properties", "year_built", "derived"),
    ("dim_parcels", "parcel_area_m2", "copy"),
    ("fct_sales", "is_arms_length", "copy"),
    ("fct_property_hazards", "zone_code", "copy"),
    ("fct_property_hazards", "hazard_score", "hazard_join"),
]
FILES = 8


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


@pytest.mark.parametrize("mart", sorted({plant[1] for plant in PLANTS}))
def test_every_fault_planted_in_rows_is_found_and_nothing_else(made: Platform, mart: str) -> None:
    plants = [plant for plant in PLANTS if plant[1] == mart]
    with _kept(made, f"marts.{mart}"):
        planted = _plant(made, mart, plants)
        found = wrong(audit(made))
    assert {m for m, _, _ in found} == {mart}
    for (_, field), keys in planted.items():
        assert {key for _, named, key_ in found if named == field for key in [_first(mart, key_)]} >= keys
    planted_keys = set().union(*planted.values())
    assert {_first(mart, key) for _, _, key in found} == planted_keys


def _first(mart: str, key: str) -> str:
    """The column of a row's key by which faults were planted."""
    return key.split("|")[1 if mart == "dim_parcels" else 0]


def test_there_are_thirty_faults_of_five_kinds() -> None:
    assert {kind for kind, *_ in PLANTS} == {"locator", "value", "stale"}
    assert len(PLANTS) * EACH + len(METHODS) + 1 + FILES >= 30


def test_a_flipped_byte_is_found_by_its_fingerprint_and_named(made: Platform) -> None:
    stored = made.query(
        "select 'tenants/' || tenant_id || '/' || object_key, uri from prov.source_file where tenant_id = %s"
        " union all select 'public/' || object_key, uri from prov.public_file"
        " where layer in ('flood', 'scores', 'prices')",
        TENANT,
    )
    objects = Path(made.settings.object_store_url.removeprefix("file://"))
    assert len(stored) == FILES
    for key, name in stored:
        path = objects / key
        with altered(path, path.stat().st_size // 2):
            summary = audit(made, 1500)
        told = {f.what for f in summary.tenants[0].findings if f.verdict == auditor.MISMATCH}
        assert any("sha256" in str(what) and Path(name).stem in str(what) for what in told), (name, told)
    assert audit(made, 500).is_clean


def test_a_wrong_method_is_found(made: Platform) -> None:
    """Of a field, and of a row's evidence."""
    statement = "update prov.field_map set method = %s where mart = %s and field = %s"
    right = {
        plant: made.one("select method from prov.field_map where (mart, field) = (%s, %s)", *plant[:2])
        for plant in METHODS
    }
    evidence = made.one(
        "select min(hazard_evidence_no) from marts.fct_property_hazards where tenant_id = %s"
        " and hazard_method = 'polygon_overlap'",
        TENANT,
    )
    change = (
        "update prov.evidence set (method, code_version) ="
        " (select method, code_version from prov.method where method = %s limit 1)"
        " where tenant_id = %s and evidence_no = %s"
    )
    for mart, field, method in METHODS:
        _execute(made, statement, method, mart, field)
    _execute(made, change, "read_and_cast", TENANT, evidence)
    try:
        found = wrong(audit(made))
    finally:
        for plant, method in right.items():
            _execute(made, statement, method, *plant[:2])
        _execute(made, change, "hazard_polygon_overlap", TENANT, evidence)
    assert {(mart, field) for mart, field, _ in found} >= {plant[:2] for plant in METHODS}
    others = {(mart, field) for mart, field, _ in found} - {plant[:2] for plant in METHODS}
    assert {mart for mart, _ in others} == {"fct_property_hazards"}
    assert ("fct_property_hazards", "hazard_evidence_no") in others
    assert not wrong(audit(made, 500))


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
    methods = made.one(
        "select sum(cells) from prov.audit_method where tenant_id = %s and audit_no = %s", TENANT, number
    )
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
        other = (
            "insert into prov.audit_run (tenant_id, audit_no, seed, auditor_sha256, started_at, cells, matched,"
            " mismatched, not_audited) values ('elsewhere', 1, 's', repeat('a', 64), now(), 0, 0, 0, 0)"
        )
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            login.execute(other)


def test_the_command_says_what_was_looked_at_and_what_is_wrong(made: Platform) -> None:
    clean = CliRunner().invoke(app, ["audit", "--cells", "300", "--seed", "s"], catch_exceptions=False)
    assert clean.exit_code == 0, clean.output
    assert "0 of" in clean.output
    assert "hazard_scale" in clean.output
    with _kept(made, "marts.dim_properties"):
        _execute(made, "update marts.dim_properties set year_built = year_built + 1 where tenant_id = %s", TENANT)
        found = CliRunner().invoke(app, ["audit", "-t", TENANT, "--cells", "4000", "--json"], catch_exceptions=False)
    assert found.exit_code == 1
    told = json.loads(found.stdout)
    assert told["mismatched"] > 0
    (finding,) = {(f["mart"], f["field"], f["what"]) for f in told["tenants"][0]["findings"]}
    assert finding == ("dim_properties", "year_built", "another value follows from the record")
    one = told["tenants"][0]["findings"][0]
    assert int(one["found"]) == int(one["expected"]) + 1
    assert one["where"].startswith("fy1")
    wrong_tenant = CliRunner().invoke(app, ["audit", "--tenant", "nobody"])
    assert wrong_tenant.exit_code == 2


def test_trust_of_every_cell_is_the_same_computed_a_second_time(made: Platform) -> None:
    """Two implementations, one in SQL by the platform, one here from the page that describes the formula."""
    now = dt.datetime.now(dt.UTC)
    with psycopg.connect(made.settings.dsn("auditor"), autocommit=True) as login:
        second = Trust(Ledger(login, TENANT), now)
        for mart, key in KEYS.items():
            with made.warehouse.as_app(TENANT) as connection:
                first = {
                    (*(str(row_key[name]) for name in key), field): trust
                    for row_key, field, trust in connection.execute(
                        "select row_key, field, trust from prov.trust_cells(%s, %s, %s)", (TENANT, mart, now)
                    ).fetchall()
                    if trust is not None
                }
            again = {
                (*(str(row[name]) for name in key), field): trust
                for row in second.rows(mart)
                for field, trust in second.of_row(mart, row).items()
            }
            assert again == pytest.approx(first, abs=1e-9), mart
            assert first or mart == "dim_source_files"


def test_recorded_trust_figures_are_computed_again_and_a_typed_in_one_is_seen(made: Platform) -> None:
    compared = recompute_trust(made.settings, made.instance, TENANT)
    assert {one.mart for one in compared} == set(KEYS) - {"dim_source_files"}
    assert [one for one in compared if not one.agrees] == []
    assert len({one.recorded for one in compared}) > 10
    typed_in = replace(compared[0], recorded=round((compared[0].computed or 0) + 0.001, 4))
    assert not typed_in.agrees


def test_the_seed_decides_the_cells(made: Platform) -> None:
    def cells(seed: str) -> list[tuple[Any, ...]]:
        return [(v.mart, v.field, *v.row_key.values()) for v in audit(made, 300, seed).tenants[0].verdicts]

    assert cells("a") == cells("a")
    assert cells("a") != cells("b")
    assert len(set(cells("a"))) == len(cells("a")) >= 300

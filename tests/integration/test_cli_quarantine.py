"""`reos quarantine` as a person runs it: the app role of one tenant, what failed, where, and what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from real_estate_assets.cli import instance, quarantine
from real_estate_assets.stores.warehouse import Warehouse
from real_estate_assets.stores.warehouse.tenants import UnknownTenantError

MESSAGE = "The year lies before 1600. Name 0 in `nulls`."
FILE = """
insert into prov.source_file (
  tenant_id, file_no, sha256, source_name, source_kind, uri, object_key, vintage, byte_count, record_type,
  source_format, licence, locator_kind, source_entry, source_entry_sha256, record_count, read_status
) values (%s, %s, repeat(%s::text, 64), 'roll', 'assessor_roll', %s, 'k', '2014-01-01', 1, 'property',
  'csv', 'none', 'csv_row', '{}', '', %s, 'read')
"""
RECORD = """
insert into quarantine.record (
  tenant_id, file_no, record_no, record_type, stage, rule, column_name, value, message, run_id
) values (%s, 2, %s, 'property', %s, %s, %s, %s, %s, 'r')
"""


@pytest.fixture
def reos(warehouse_db: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs `reos quarantine` with arguments on a database with two tenants; acme has a clean and a bad file."""
    warehouse = Warehouse(warehouse_db.dsn("owner"), warehouse_db.dsn("app"))
    with warehouse.as_owner() as connection:
        for tenant in ("acme", "beta"):
            connection.execute("insert into tenancy.tenant values (%s, %s, '', '', 'file:///')", (tenant, tenant))
            for file_no, rows in ((1, 3), (2, 30)):
                connection.execute(FILE, (tenant, file_no, str(file_no), f"s3://{tenant}/roll_{file_no}.csv", rows))
        rejected = [("acme", n, "gate", "year_built_is_plausible", "year_built", f"-{n}", MESSAGE) for n in range(7)]
        rejected += [("beta", 29, "gate", "year_built_is_plausible", "year_built", "secret of beta", MESSAGE)]
        rejected += [("acme", 12, "read", "wrong_cell_count", "", "a,b", "2 cells, the header has 3")]
        connection.cursor().executemany(RECORD, rejected)
        connection.execute(
            "insert into quarantine.cell values ('acme', 2, 4, 'property', 'sale_date', '31/31/2011', 'unparseable'),"
            " ('acme', 2, 5, 'property', 'stories', '99', 'out_of_bounds')"
        )
    monkeypatch.setattr(instance, "open_warehouse", lambda: warehouse)
    app = typer.Typer()
    quarantine.register(app)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(app, arguments, env={"COLUMNS": "160"})

    return run


def test_it_lists_by_file_and_rule_with_counts_places_and_what_to_do(reos: Any) -> None:
    done = reos("acme")
    assert done.exit_code == 0
    text = done.stdout
    assert "roll_1.csv  vintage 2014-01-01  3 rows in, 0 accepted, 0 quarantined" in text
    assert "roll_2.csv  vintage 2014-01-01  30 rows in, 0 accepted, 8 quarantined" in text
    assert "year_built_is_plausible  7 rows at the gate" in text
    assert "row 0, row 1, row 2, row 3, row 4…" in text
    assert MESSAGE in text
    assert "wrong_cell_count  1 row while reading" in text
    assert text.index("year_built_is_plausible") < text.index("wrong_cell_count"), "the most frequent first"
    assert "reos quarantine acme --rule RULE" in text


def test_values_are_shown_only_when_a_rule_is_asked_for(reos: Any) -> None:
    assert "-6" not in reos("acme").stdout
    done = reos("acme", "--rule", "year_built_is_plausible", "--limit", "3")
    assert [line.split() for line in done.stdout.splitlines()[1:4]] == [
        ["roll_2.csv", "row", str(n), "year_built", f"-{n}"] for n in range(3)
    ]
    assert f"3 of 7 records. {MESSAGE}" in done.stdout
    assert "No record is quarantined by a rule named lot_size" in reos("acme", "--rule", "lot_size").stdout


def test_cells_made_null_are_listed_when_asked_for(reos: Any) -> None:
    done = reos("acme", "--cells")
    assert "sale_date  1 cell made null, not parseable: row 4" in done.stdout
    assert "stories  1 cell made null, outside its bounds: row 5" in done.stdout
    assert "31/31/2011" not in done.stdout
    assert "sale_date" not in reos("acme").stdout


def test_json_says_the_same(reos: Any) -> None:
    told = json.loads(reos("acme", "--json", "--cells").stdout)
    assert told["tenant"] == "acme"
    assert [(f["file_no"], f["rows_in"], f["quarantined"]) for f in told["files"]] == [(1, 3, 0), (2, 30, 8)]
    assert [(r["rule"], r["records"], r["samples"][:2]) for r in told["rules"]] == [
        ("year_built_is_plausible", 7, ["roll_2.csv row 0", "roll_2.csv row 1"]),
        ("wrong_cell_count", 1, ["roll_2.csv row 12"]),
    ]
    assert {c["column_name"] for c in told["cells"]} == {"sale_date", "stories"}
    assert "records" not in told


def test_another_tenants_records_are_out_of_reach(reos: Any) -> None:
    for arguments in (("acme", "--json"), ("acme", "--json", "--rule", "year_built_is_plausible")):
        assert "beta" not in reos(*arguments).stdout
    assert "secret of beta" in reos("beta", "--rule", "year_built_is_plausible").stdout


def test_an_unknown_tenant_is_an_error_that_says_what_to_do(reos: Any) -> None:
    done = reos("gamma")
    assert done.exit_code == 1
    assert isinstance(done.exception, UnknownTenantError)
    assert "reos tenant list" in str(done.exception)

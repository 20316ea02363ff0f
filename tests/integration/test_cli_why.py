"""`reos why`, `reos low-trust`, `reos export` on the marts of a small platform: every cell has an answer that holds."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import prov
import pytest
from click.testing import Result
from typer.testing import CliRunner

from real_estate_assets.cli import app
from real_estate_assets.core.provenance.field_reference import UnknownFieldError
from real_estate_assets.core.provenance.wording import null_words
from real_estate_assets.stores.warehouse import why as asking
from real_estate_assets.stores.warehouse.property_lookup import (
    AmbiguousPropertyError,
    NoSuchPropertyError,
    find_property,
)
from tests.made_platform import (
    HEADER,
    Platform,
    csv_bytes,
    parcel_layer,
    parcel_source,
    platform,
    roll_rows,
    roll_source,
)

RIVER, OTHER = "river", "brook"
OLD = {"uri": "fy13.csv", "vintage": "2012-01-01"}
NEW = {"uri": "fy14.csv", "vintage": "2013-01-01", "columns": {"fiscal_year": {"constant": 2014}}}
QUOTED = '7 "Elm, Tree" Court'


def _newer() -> list[list[Any]]:
    """The second roll: two units on one parcel, an odd address, and a lot area left blank."""
    rows = roll_rows(raise_by=50_000)
    rows[3][2], rows[3][3] = "A", "103 Main Street"
    rows.append(["A77", "P3", "B", "103 Main Street", *rows[3][4:]])
    rows[5][3] = QUOTED
    rows[6][HEADER.index("Area")] = ""
    return rows


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two tenants with marts: one with two rolls and parcels, one with other properties."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("why") / "platform") as opened:
        files = {"fy13.csv": csv_bytes(roll_rows()), "fy14.csv": csv_bytes(_newer()), "parcels.geojson": parcel_layer()}
        opened.add(RIVER, [roll_source(OLD, NEW), parcel_source("parcels.geojson")], files)
        other = [[f"B{i}", f"Q{i}", *row[2:]] for i, row in enumerate(roll_rows(5))]
        opened.add(OTHER, [roll_source("roll.csv")], {"roll.csv": csv_bytes(other)})
        runs = opened.run()
        assert {tenant: error for run in runs for tenant, error in run.failed.items()} == {}
        yield opened


def reos(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80", "NO_COLOR": "1"})


def ask(made: Platform, name: str, field: str, day: dt.date | None = None, tenant: str = RIVER) -> Any:
    from real_estate_assets.cli.why import raw_files

    return asking.why(made.warehouse, raw_files(made.settings), tenant, name, field, day)


@pytest.mark.parametrize("name", ["P7", "p7", "107 Main Street", "107 main st", "107 Main St, Cambridge, MA"])
def test_a_property_is_found_by_parcel_number_and_by_address(made: Platform, name: str) -> None:
    found = find_property(made.warehouse, RIVER, name)
    assert found.parcel_number == "P7"
    assert find_property(made.warehouse, RIVER, found.property_id) == found


def test_several_units_are_listed_and_one_is_chosen_by_its_unit(made: Platform) -> None:
    with pytest.raises(AmbiguousPropertyError, match="'P3 #A'") as caught:
        find_property(made.warehouse, RIVER, "P3")
    assert {one.unit_number for one in caught.value.candidates} >= {"A", "B"}
    for name in ("P3 #B", "103 Main Street Unit B", "103 Main St #b"):
        assert find_property(made.warehouse, RIVER, name).unit_number == "B"


def test_the_record_is_read_again_and_the_cell_that_fed_the_value_is_marked(made: Platform) -> None:
    answer = ask(made, "P7", "assessed_improvement_value_usd")
    assert answer.value == 250_000
    (one,) = answer.evidence
    assert one.raw is not None
    assert one.raw.is_verified
    assert one.raw.text == csv_bytes(_newer()).decode().splitlines()[8]
    assert [(cell.column, cell.text) for cell in one.raw.cells] == [("Bldg", "250000")]
    assert one.file.vintage == "2013-01-01"
    assert 0 < answer.trust < 1
    assert {factor.name for factor in answer.factors} >= {"reliability", "persistence", "method"}
    assert answer.steps[0].step == "landed"


def test_a_derived_field_is_traced_to_the_column_at_its_bottom(made: Platform) -> None:
    answer = ask(made, "P5", "address_usps")
    (one,) = answer.evidence
    assert [(cell.column, cell.text) for cell in one.raw.cells] == [("Address", QUOTED)]
    assert one.raw.text[one.raw.cells[0].start : one.raw.cells[0].end] == '"7 ""Elm, Tree"" Court"'


def test_a_hazard_is_traced_to_the_feature_of_the_public_layer(made: Platform) -> None:
    answer = ask(made, "P0", "hazard_score[flood]")
    public = next(one for one in answer.evidence if one.file and one.file.is_public)
    assert {(cell.column, cell.text) for cell in public.raw.cells} == {("fld_zone", '"AE"'), ("zone_subty", "null")}
    county = ask(made, "P29", "hazard_score[heat]")
    scores = next(one for one in county.evidence if one.file and one.file.is_public)
    assert [(cell.column, cell.text) for cell in scores.raw.cells] == [("HWAV_RISKS", "40.1")]


def test_a_change_is_traced_to_the_column_of_the_field_that_changed(made: Platform) -> None:
    answer = ask(made, "P7", "fct_changes.new_value")
    column = {"assessed_improvement_value_usd": "Bldg", "assessed_total_value_usd": "Total"}[answer.key["field"]]
    marked = {cell.column for one in answer.evidence if one.raw for cell in one.raw.cells}
    assert marked == {column}
    assert f"field {answer.key['field']}" in reos("why", RIVER, "P7", "fct_changes.new_value").output


def test_a_shape_is_traced_to_the_tenants_own_layer(made: Platform) -> None:
    answer = ask(made, "P4", "parcel_area_m2")
    assert any(one.raw is not None and '"P4"' in (one.raw.text or "") for one in answer.evidence)


def test_the_older_roll_is_a_rival_and_says_why_it_lost(made: Platform) -> None:
    answer = ask(made, "P7", "assessed_improvement_value_usd")
    assert [(rival.value, rival.vintage) for rival in answer.rivals] == [(200_000, "2012-01-01")]
    assert answer.rivals[0].lost_because


def test_a_null_says_why_and_shows_what_was_looked_at(made: Platform) -> None:
    answer = ask(made, "P6", "lot_size_sqft")
    assert (answer.value, answer.null_reason, answer.trust) == (None, "blank_in_source", None)
    assert [(cell.column, cell.text) for cell in answer.evidence[0].raw.cells] == [("Area", "")]
    told = reos("why", RIVER, "P6", "zoning")
    assert told.exit_code == 0, told.output
    assert f"null because {null_words('not_in_source')}" in told.output


def test_every_field_of_every_mart_has_an_answer_with_a_value_or_a_reason(made: Platform) -> None:
    """A random sample, but every field of each mart that belongs to properties is in it."""
    fields = made.query(
        "select mart, field from prov.field_map m where exists"
        " (select from prov.field_map p where p.mart = m.mart and p.field = 'property_id') order by 1, 2"
    )
    chosen, silent, asked = random.Random(4), [], 0
    for mart, field in fields:
        part = f"[{chosen.choice(['flood', 'heat', 'wildfire', 'composite'])}]" if "hazards" in mart else ""
        named = made.query(
            f"select property_id::text from marts.{mart} where tenant_id = %s and property_id is not null"
            " order by random() limit 1",
            RIVER,
        )
        if not named:  # this platform has no owners
            continue
        asked += 1
        answer = asking.why(made.warehouse, None, RIVER, named[0][0], f"{mart}.{field}{part}")
        if (answer.value is None) == (answer.null_reason is None):
            silent.append((mart, field, answer.value, answer.null_reason))
    assert asked > 100
    assert silent == []


def test_the_commands_answer_in_every_form(made: Platform, tmp_path: Path) -> None:
    page = tmp_path / "why.html"
    told = reos("why", RIVER, "P7", "year_built", "--html", str(page))
    assert told.exit_code == 0, told.output
    assert told.output.startswith("year_built = 1957")
    assert max(len(line) for line in told.output.splitlines()[:-1]) <= 80
    assert "<mark>1957</mark>" in page.read_text()
    as_json = json.loads(reos("why", RIVER, "P7", "year_built", "--json").output)
    assert as_json["value"] == 1957
    assert as_json["raw_records"][str(as_json["evidence"][0]["evidence_no"])]["cells"][0]["column"] == "Built"
    assert {run["run_id"] for run in as_json["runs"]} >= {as_json["build"]["run_id"]}


def test_an_earlier_day_is_answered_from_then(made: Platform) -> None:
    answer = ask(made, "P7", "year_built", dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1))
    assert answer.value == 1957
    with pytest.raises(asking.NotYetError, match=r"no row in dim_properties on 2001-01-01"):
        ask(made, "P7", "year_built", dt.date(2001, 1, 1))


@pytest.mark.parametrize(
    ("field", "error", "hint"),
    [
        ("year_bilt", UnknownFieldError, "did you mean year_built"),
        ("dim_owners.owner_name", asking.NotOfAPropertyError, "prov.why"),
    ],
)
def test_a_field_that_cannot_be_asked_for_says_what_to_do(
    made: Platform, field: str, error: type[Exception], hint: str
) -> None:
    with pytest.raises(error, match=hint):
        ask(made, "P7", field)


def test_a_foreign_property_an_unknown_one_and_an_unknown_tenant_get_one_answer(made: Platform) -> None:
    foreign = made.one("select property_id::text from marts.dim_properties where tenant_id = %s limit 1", OTHER)
    asked = [(RIVER, foreign), (RIVER, "6f3c1e52-0b7d-4c0a-9a54-2f8f0f6f4d11"), ("nobody", foreign)]
    told = set()
    for tenant, name in asked:
        with pytest.raises(NoSuchPropertyError) as caught:
            ask(made, name, "year_built", tenant=tenant)
        told.add(str(caught.value).replace(name, "NAME").replace(tenant, "TENANT"))
    assert len(told) == 1


def test_bytes_that_changed_since_are_not_shown_as_the_record(made: Platform) -> None:
    from real_estate_assets.cli.why import raw_files

    files = raw_files(made.settings)

    class Elsewhere:
        def fetch_to(self, key: str, path: Path) -> None:
            from real_estate_assets.stores.object_store import ObjectConflictError

            raise ObjectConflictError(f"{key} is not what it promises")

    answer = asking.why(
        made.warehouse, asking.RawFiles(lambda _: Elsewhere(), files.references_file), RIVER, "P7", "year_built"
    )  # type: ignore[arg-type]
    assert answer.evidence[0].raw.text is None
    assert "not what it promises" in answer.evidence[0].raw.problem


def test_weak_cells_are_listed_weakest_first_and_agree_with_why(made: Platform) -> None:
    rows = asking.low_trust(made.warehouse, RIVER, "dim_properties", below=1.0, limit=50)
    assert rows
    assert [row.trust_min for row in rows] == sorted(row.trust_min for row in rows)
    answer = asking.why(made.warehouse, None, RIVER, str(rows[0].key["property_id"]), rows[0].fields[0])
    assert answer.trust == pytest.approx(rows[0].trust_min, abs=1e-9)
    told = reos("low-trust", RIVER, "--below", "1", "--limit", "3")
    assert told.exit_code == 0, told.output
    assert f"Why: reos why {RIVER}" in told.output
    assert "No cell" in reos("low-trust", RIVER, "--below", "0").output
    with pytest.raises(asking.UnknownMartError, match="did you mean fct_sales"):
        asking.low_trust(made.warehouse, RIVER, "fct_sale", below=1.0)
    assert asking.low_trust(made.warehouse, "nobody", "dim_properties", below=1.0) == []


def test_a_property_is_exported_as_valid_prov(made: Platform, tmp_path: Path) -> None:
    out = tmp_path / "p7.json"
    told = reos("export", "prov", RIVER, "P7", "--out", str(out))
    assert told.exit_code == 0, told.output
    document = json.loads(out.read_text())
    schema = Path(prov.__file__).parent / "tests" / "schemas" / "prov-json.schema.json"
    jsonschema.Draft4Validator(json.loads(schema.read_text())).validate(document)
    cells = [name for name in document["entity"] if name.startswith("tenant:cell/dim_properties/")]
    assert len(cells) > 40
    assert OTHER not in out.read_text()
    one = json.loads(reos("export", "prov", RIVER, "P7", "year_built").output)
    assert any(name.endswith("/year_built") for name in one["entity"])


def test_lineage_of_the_marts_names_the_columns_of_the_files(made: Platform, tmp_path: Path) -> None:
    from real_estate_assets.definitions import defs
    from real_estate_assets.defs.lineage.telling import Teller
    from real_estate_assets.stores.lineage.outbox import Outbox

    outbox = Outbox(tmp_path / "lineage")
    with outbox.held():
        Teller(made.instance, defs.resolve_asset_graph(), made.warehouse, made.settings.references_file).tell(
            outbox, 100
        )
    events = [json.loads(line) for line in outbox.file(RIVER).read_text().splitlines()]
    marts = {one["name"]: one["facets"] for event in events for one in event["outputs"]}
    said = marts["marts.dim_properties"]["columnLineage"]["fields"]
    assert {(f["name"], f["field"]) for f in said["year_built"]["inputFields"]} == {
        ("files/roll/fy13.csv", "Built"),
        ("files/roll/fy14.csv", "Built"),
    }
    zones = marts["marts.fct_property_hazards"]["columnLineage"]["fields"]["zone_code"]["inputFields"]
    assert ("reos/public", "files/flood/zones.geojson", "fld_zone") in {
        (f["namespace"], f["name"], f["field"]) for f in zones
    }
    assert OTHER not in outbox.file(RIVER).read_text()


def test_the_csv_of_this_module_is_what_it_says() -> None:
    """The line that the tests look for is the line of that property."""
    rows = list(csv.reader(io.StringIO(csv_bytes(_newer()).decode())))
    assert rows[8][:2] == ["A7", "P7"]

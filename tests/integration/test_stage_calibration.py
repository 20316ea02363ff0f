"""Calibration as a stage: what is counted through real stages, when a version is new, and what stops nobody."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from real_estate_assets.cli.running import run_references
from real_estate_assets.defs.per_tenant import waits_for
from real_estate_assets.defs.trust import calibration
from real_estate_assets.defs.trust.keys import AUDIT
from real_estate_assets.defs.warehouse.assets import STAGE as WAREHOUSE
from real_estate_assets.stores.warehouse import outcomes
from tests.made_platform import (
    COUNTY,
    ROLL_COLUMNS,
    Platform,
    csv_bytes,
    feature_collection,
    parcel_layer,
    parcel_source,
    platform,
    polygon,
    roll_rows,
    roll_source,
    square,
)

ROWS, RAISED, TRUE_LOTS = 240, 60, 180
LOT_SQFT = 24_600  # a made parcel is 41 m by 56 m
AREA, LIVING = 7, 8  # columns of a made roll
# In the made zone lie the first two parcels of each of ten rows of ten, and a part of the third.
TOUCHED = {f"P{10 * row + column}" for row in range(10) for column in range(3)}
NOT_LISTED, RENUMBERED = "P20", "P21"


def roll(year: int) -> list[list[Any]]:
    """The same rows but for the buildings of the first 60, which are worth a half more a year later."""
    rows = roll_rows(ROWS)
    for number, row in enumerate(rows):
        row[AREA] = LOT_SQFT if number < TRUE_LOTS else 2 * LOT_SQFT
        if year > 2012 and number < RAISED:
            row[5], row[6] = 300_000, 400_000
    return rows


def database() -> list[list[Any]]:
    """What the same office lists three years later, with another area where the description says living area."""
    rows = roll(2013)
    for row in rows:
        row[LIVING] = round(row[LIVING] * 1.44)
    return rows


SOURCES = [
    roll_source({"uri": "a.csv", "vintage": "2012-01-01"}, {"uri": "b.csv", "vintage": "2013-01-01"}),
    parcel_source("parcels.geojson"),
    roll_source(
        {"uri": "database.csv", "vintage": "2016-01-01"},
        name="database",
        kind="property_database",
        columns={name: ROLL_COLUMNS[name] for name in ROLL_COLUMNS if name != "fiscal_year"},
    ),
]
FILES = {
    "a.csv": csv_bytes(roll(2012)),
    "b.csv": csv_bytes(roll(2013)),
    "parcels.geojson": parcel_layer(ROWS),
    "database.csv": csv_bytes(database()),
}


def add_answer_key(made: Platform) -> None:
    """A published list of the parcels in the made zone: one is not on it, one stands there under another number."""
    names = {name: RENUMBERED + "-NEW" if name == RENUMBERED else name for name in TOUCHED - {NOT_LISTED}}
    listed = [polygon({"ML": new}, square(int(old[1:]))) for old, new in sorted(names.items())]
    path = made.settings.references_file
    (path.parent / "listed.geojson").write_bytes(feature_collection(listed))
    described = json.loads(path.read_text())
    described["references"].append(
        {
            "name": "listed",
            "kind": "answer_key",
            "uri": "listed.geojson",
            "format": "geojson",
            "crs": "EPSG:4326",
            "licence": "CC0-1.0",
            "origin": "made for a test",
            "peril": "flood",
            "answers": {"layer": "flood", "county_fips": COUNTY, "categories": ["AE"]},
            "columns": {"parcel_number": "ML"},
        }
    )
    path.write_text(json.dumps(described))


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """A platform with public layers and a list, and two tenants calibrated: one with everything, one with one file."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("calibration") / "platform") as opened:
        add_answer_key(opened)
        loaded = run_references(opened.instance)
        assert loaded is not None
        assert loaded.succeeded, loaded.failed
        opened.add("acme", SOURCES, FILES)
        opened.add("single", [roll_source("a.csv")], {"a.csv": FILES["a.csv"]})
        for stage in ("landing", "records", "enrichment", "calibration"):
            assert opened.run_only(stage, "acme", "single") == {}
        yield opened


def parameters(made: Platform, tenant: str, kind: str) -> dict[tuple[str, str, str], tuple[int, int]]:
    """(source kind, field, segment) -> (n, agree) of the newest version."""
    rows = made.query(
        "select source_kind, field, segment, n, agree from prov.agreement a where tenant_id = %s and kind = %s"
        " and version = (select max(version) from prov.calibration c where c.tenant_id = a.tenant_id)",
        tenant,
        kind,
    )
    return {(source, field, segment): (n, agree) for source, field, segment, n, agree in rows}


def test_a_vintage_is_counted_against_its_next_within_the_fields_tolerance(made: Platform) -> None:
    found = parameters(made, "acme", "stability")
    assert {source for source, _, _ in found} == {"assessor_roll"}, "the property database has one vintage"
    assert found["assessor_roll", "assessed_improvement_value_usd", "all"] == (ROWS, ROWS - RAISED)
    assert found["assessor_roll", "assessed_land_value_usd", "all"] == (ROWS, ROWS)
    assert found["assessor_roll", "sale_date", "all"] == (ROWS, ROWS)
    fields = {field for _, field, _ in found}
    assert fields.isdisjoint({"city", "state_or_province", "fiscal_year"}), "said by the description, not by a file"


def test_lots_are_measured_against_their_polygons_within_five_percent(made: Platform) -> None:
    found = parameters(made, "acme", "independent")
    assert found["assessor_roll", "lot_size_sqft", "all"] == (ROWS, TRUE_LOTS)
    assert found["property_database", "lot_size_sqft", "all"] == (ROWS, TRUE_LOTS)
    assert found["parcel_layer", "parcel_area_m2", "all"] == (2 * ROWS, 2 * TRUE_LOTS)
    assert not {key for key in found if key[1] == "living_area_sqft"}, "the same office's later look is not independent"


def test_hazards_are_measured_by_the_published_list(made: Platform) -> None:
    method, bands = parameters(made, "acme", "method"), parameters(made, "acme", "confidence")
    asked = len(TOUCHED) - 1  # nobody knows which number the renumbered one had
    assert method["fema_nfhl", "hazard_polygon_overlap", "all"] == (asked, asked - 1), "one is not listed"
    assert method["fema_nfhl", "hazard_coverage_no_zone", "all"] == (ROWS - len(TOUCHED), ROWS - len(TOUCHED))
    assert bands["fema_nfhl", "hazard_polygon_overlap", "0.1-0.5"] == (10, 10)
    assert bands["fema_nfhl", "hazard_polygon_overlap", "0.5-1"] == (19, 18)
    table = made.latest("trust/independent_agreement", "acme")["published_lists"].splitlines()
    assert "| polygon_overlap | 0.5-1 | 19 | 18 | 1 |" in table, "what is left out is told"


def test_the_alarm_names_the_field_whose_column_is_another(made: Platform) -> None:
    (alarm,) = checks(made, "trust/stability", calibration.MAPPING_ALARM, "acme")
    assert (alarm.passed, alarm.severity) == (False, dg.AssetCheckSeverity.WARN)
    told = {
        name.partition(" (database of 2016-01-01")[0]: found for name, found in alarm.metadata["fields"].value.items()
    }
    assert set(told) == {"living_area_sqft", "assessed_improvement_value_usd", "assessed_total_value_usd"}
    assert (told["living_area_sqft"]["measured"], told["living_area_sqft"]["n"]) == (0, ROWS)
    assert told["living_area_sqft"]["predicted"] > 0.9
    assert "| living_area_sqft | 240 |" in alarm.metadata["alarms"].value
    values = told["assessed_improvement_value_usd"]  # kept for three years, where a quarter had changed within one
    assert (round(values["predicted"], 1), values["measured"]) == (0.4, 1)


def test_what_was_compared_too_seldom_is_named(made: Platform) -> None:
    (stability,) = checks(made, "trust/stability", calibration.MINIMUM_N, "acme")
    assert stability.passed, "240 of every field"
    (independent,) = checks(made, "trust/independent_agreement", calibration.MINIMUM_N, "acme")
    assert independent.metadata["compared_too_seldom"].value == {"fema_nfhl: hazard_polygon_overlap": len(TOUCHED) - 1}


def checks(made: Platform, key: str, name: str, tenant: str) -> list[dg.AssetCheckEvaluation]:
    """The latest evaluation of a check for a tenant."""
    records = made.instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey(key.split("/")), name), limit=20
    )
    found = [r.event.dagster_event.event_specific_data for r in records if r.event and r.event.dagster_event]
    return [one for one in found if isinstance(one, dg.AssetCheckEvaluation) and one.partition == tenant][:1]


def test_a_person_sees_figures_a_diagram_and_the_version(made: Platform) -> None:
    shown = made.latest("trust/stability", "acme")
    assert shown["version"] == 1
    assert shown["is_new_version"] is True
    assert shown["held_out_cells"] > ROWS * 5
    assert 0 <= shown["held_out_calibration_error"] < 0.1
    assert shown["reliability_diagram"].startswith("![persistence predicted for parcels held out")
    assert "| assessed_improvement_value_usd | 240 | 0.75 |" in shown["fields"]
    assert shown["worst_fields"].startswith("assessed_total_value_usd 0.74 a year, assessed_improvement_value_usd 0.75")
    assert sum(len(str(value)) for value in shown.values()) < 20_000


def test_a_tenant_with_nothing_to_compare_says_so(made: Platform) -> None:
    assert "no source of this tenant has a second vintage" in made.latest("trust/stability", "single")["compared"]
    assert parameters(made, "single", "stability") == {}
    assert [one.passed for one in checks(made, "trust/stability", calibration.MAPPING_ALARM, "single")] == [True]


def test_the_same_inputs_give_no_new_version_and_a_new_vintage_does(made: Platform) -> None:
    before = made.materializations("trust/stability", "acme")[0]["dagster/data_version"]
    assert made.run_only("calibration", "acme", force=True) == {}
    assert versions(made, "acme") == [1]
    assert made.latest("trust/stability", "acme")["is_new_version"] is False
    assert made.materializations("trust/stability", "acme")[0]["dagster/data_version"] == before
    sources = [
        roll_source(
            *(
                {"uri": name, "vintage": f"{year}-01-01"}
                for name, year in (("a.csv", 2012), ("b.csv", 2013), ("c.csv", 2014))
            )
        ),
        *SOURCES[1:],
    ]
    third = csv_bytes(roll(2013), end="\r\n")  # says what the second says, in other bytes
    made.add("acme", sources, {**FILES, "c.csv": third})
    for stage in ("landing", "records", "enrichment", "calibration"):
        assert made.run_only(stage, "acme") == {}
    assert versions(made, "acme") == [1, 2]
    found = parameters(made, "acme", "stability")
    assert found["assessor_roll", "assessed_improvement_value_usd", "all"] == (2 * ROWS, 2 * ROWS - RAISED)
    assert made.one("select count(*) from prov.agreement where tenant_id = 'acme' and version = 1") > 20, (
        "never changed"
    )


def versions(made: Platform, tenant: str) -> list[int]:
    return [v for (v,) in made.query("select version from prov.calibration where tenant_id = %s order by 1", tenant)]


def test_a_calibration_that_fails_is_told_and_holds_no_mart_back(
    made: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("the counts are lost")

    with monkeypatch.context() as patch:
        patch.setattr(calibration, "measure", broken)
        assert made.run_only("calibration", "single", force=True) == {"single": "the counts are lost"}
    assert outcomes.blocked_by(made.warehouse, "single", ["calibration"]) == "calibration"
    assert waits_for(made.instance, made.warehouse, WAREHOUSE, "single") is None
    assert made.run_only("calibration", "single", force=True) == {}
    assert versions(made, "single") == [1]


def test_a_mart_records_the_trust_of_its_cells_as_of_its_build(made: Platform) -> None:
    assert made.run_only("warehouse", "single") == {}
    shown = made.latest("marts/dim_properties", "single")
    (group,) = made.query(
        "select field_group, trust_mean, trust_p10, solid, mixed, weak from prov.trust_summary('single',"
        " 'dim_properties', %s::timestamptz) where trust_mean is not null",
        shown["trust_as_of"],
    )
    name, mean, p10, solid, mixed, weak = group
    assert name == "assessor"
    assert shown["trust_mean assessor"] == shown["trust_mean"] == pytest.approx(mean, abs=1e-4)
    assert shown["trust_p10 assessor"] == shown["trust_p10"] == pytest.approx(p10, abs=1e-4)
    assert shown["trust_cells"] == solid + mixed + weak > ROWS * 10
    assert shown["trust_share_weak"] == pytest.approx(weak / (solid + mixed + weak), abs=1e-4)
    assert 0 < shown["trust_p10"] < shown["trust_mean"] < 1
    assert "| assessor |" in shown["trust_by_group"]
    assert len(shown["trust"]) < 1_000
    assert shown["trust_trend"].startswith("![mean trust by build: 1 known]")
    assert "trust_mean" not in made.latest("marts/dim_source_files", "single"), "the platform's own record"


def test_a_build_asks_for_no_audit_by_itself(made: Platform) -> None:
    assert checks(made, "marts/dim_properties", AUDIT, "single") == []

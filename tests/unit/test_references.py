"""The description of public layers: every fault named by line, and a score file's columns turned into rows."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from real_estate_assets.core.references import ReferenceLayerError, column, county_score_rows, parse_references
from real_estate_assets.core.tenants.expressions import ColumnExpression
from real_estate_assets.settings import PROJECT_ROOT

GOOD = """\
references:
  - name: scores
    kind: fema_nri
    uri: data/scores.csv.gz
    format: csv
    licence: public domain
    vintage: 2025-12-01
    origin: made for this test
    null_markers: ["Not Applicable"]
    columns:
      county_fips: STCOFIPS
    perils:
      flood:
        - {hazard: IFLD, score_pct: IFLD_RISKS, rating: IFLD_RISKR}
        - {hazard: CFLD, score_pct: CFLD_RISKS, rating: CFLD_RISKR}
      heat:
        - {hazard: HWAV, score_pct: HWAV_RISKS, rating: HWAV_RISKR}
"""


def texts(**columns: list[str | None]) -> pl.DataFrame:
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def test_a_good_description_is_read_with_its_defaults() -> None:
    layer = parse_references(GOOD, name="references.yaml").named("scores")
    assert layer.vintage == dt.date(2025, 12, 1)
    assert (layer.encoding, layer.crs, layer.coverage) == ("utf-8", None, None)
    assert layer.columns["county_fips"] == ColumnExpression(column="STCOFIPS")
    assert [one.hazard for one in layer.perils["flood"]] == ["IFLD", "CFLD"]


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("    licence:", "    license:", 6, "license"),
        ("    origin: made for this test\n", "", 2, "origin"),
        ("vintage: 2025-12-01", "vintage: last winter", 7, "vintage"),
        ("format: csv", "format: shapefile", 5, "'csv' or 'geojson'"),
        ("kind: fema_nri", "kind: gossip", 3, "kind"),
        ("name: scores", "name: Scores of 2025", 2, "name"),
        ("rating: IFLD_RISKR}", "rating: IFLD_RISKR, weight: 2}", 14, "weight"),
        ("      heat:", "      hail:", 16, "hail"),
        ("county_fips: STCOFIPS", "county_fips: {column: STCOFIPS, round: 2}", 11, "round"),
        ("references:", "layers:", 1, "layers"),
    ],
)
def test_a_wrong_word_or_type_is_named_with_its_line(old: str, new: str, line: int, says: str) -> None:
    assert GOOD.count(old) == 1
    with pytest.raises(ReferenceLayerError) as caught:
        parse_references(GOOD.replace(old, new), name="references.yaml")
    assert f"references.yaml, line {line}" in str(caught.value)
    assert says in str(caught.value)


LISTED = """\
references:
  - name: zones
    kind: fema_nfhl
    uri: zones.geojson
    format: geojson
    licence: public domain
    origin: made for this test
    columns: {zone_code: fld_zone}
  - name: listed
    kind: answer_key
    uri: listed.geojson
    format: geojson
    licence: public domain
    origin: made for this test
    answers: {layer: zones, county_fips: "25017", categories: [AE]}
    columns: {parcel_number: ML}
"""


def test_a_list_says_what_it_answers() -> None:
    answers = parse_references(LISTED, name="references.yaml").named("listed").answers
    assert answers is not None
    assert (answers.layer, answers.county_fips, answers.categories) == ("zones", "25017", ("AE",))


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("layer: zones", "layer: heaven", "listed answers for 'heaven', which is not described"),
        ('    answers: {layer: zones, county_fips: "25017", categories: [AE]}\n', "", "such a layer needs it"),
        ("kind: answer_key", "kind: fema_nfhl", "belongs to a layer of kind answer_key"),
        ('county_fips: "25017"', 'county_fips: "Middlesex"', "county_fips"),
        ("categories: [AE]", "categories: []", "categories"),
    ],
)
def test_a_list_that_answers_nothing_is_refused(old: str, new: str, says: str) -> None:
    assert LISTED.count(old) == 1
    with pytest.raises(ReferenceLayerError, match=says):
        parse_references(LISTED.replace(old, new), name="references.yaml")


def test_every_fault_is_named_at_once() -> None:
    wrong = GOOD.replace("format: csv", "format: xls").replace("      heat:", "      hail:")
    with pytest.raises(ReferenceLayerError) as caught:
        parse_references(wrong, name="references.yaml")
    lines = str(caught.value).splitlines()
    assert [any(f"line {n}," in line for line in lines) for n in (5, 16)] == [True, True]


@pytest.mark.parametrize("text", ["references: []\n", "references: [\n", "", "references:\n  - &a {name: x}\n  - *a\n"])
def test_what_is_no_list_of_layers_is_refused(text: str) -> None:
    with pytest.raises(ReferenceLayerError, match=r"references\.yaml, line \d+"):
        parse_references(text, name="references.yaml")


def test_an_unknown_layer_is_an_error_that_names_those_there_are() -> None:
    with pytest.raises(ReferenceLayerError, match=r"'floods'; there are scores"):
        parse_references(GOOD, name="references.yaml").named("floods")


def test_layers_are_chosen_by_kind_in_the_order_of_the_file() -> None:
    second = GOOD.replace("references:\n", "").replace("name: scores", "name: more_scores")
    both = parse_references(GOOD + second, name="references.yaml")
    assert [layer.name for layer in both.of_kind("fema_nri")] == ["scores", "more_scores"]
    assert both.of_kind("fema_nfhl") == []


def test_a_declared_field_is_typed_and_a_marker_is_null() -> None:
    described = GOOD.replace("      county_fips: STCOFIPS\n", "      year: {column: YEAR, min: 1900}\n")
    layer = parse_references(described, name="references.yaml").named("scores")
    frame = texts(YEAR=["1975", "Not Applicable", None, "1066"])
    assert column(layer, "year", frame, "integer") == [1975, None, None, None]


def score_rows(**columns: list[str | None]) -> list[tuple[Any, ...]]:
    layer = parse_references(GOOD, name="references.yaml").named("scores")
    blank = [None] * len(columns["STCOFIPS"])
    named = {f"{hazard}_{what}": blank for hazard in ("IFLD", "CFLD", "HWAV") for what in ("RISKS", "RISKR")}
    return list(county_score_rows(layer, texts(**{**named, **columns})))


def test_county_scores_are_one_row_a_county_and_component_with_the_record_they_stand_on() -> None:
    rows = score_rows(
        STCOFIPS=["25017", "53033"],
        IFLD_RISKS=["97.5", ""],
        IFLD_RISKR=["Relatively High", ""],
        CFLD_RISKS=["0", " "],
        CFLD_RISKR=["No Rating", "Not Applicable"],
        HWAV_RISKS=["60", "70.25"],
        HWAV_RISKR=["Relatively Low", "Relatively Moderate"],
    )
    assert rows == [
        ("25017", "flood", "IFLD", 97.5, "Relatively High", 0),
        ("53033", "flood", "IFLD", None, None, 1),
        ("25017", "flood", "CFLD", 0.0, "No Rating", 0),
        ("53033", "flood", "CFLD", None, "Not Applicable", 1),
        ("25017", "heat", "HWAV", 60.0, "Relatively Low", 0),
        ("53033", "heat", "HWAV", 70.25, "Relatively Moderate", 1),
    ]


def test_a_record_without_a_county_gives_no_row_and_moves_no_locator() -> None:
    rows = score_rows(STCOFIPS=[None, "25017"], HWAV_RISKS=["10", "20"])
    assert {row[0] for row in rows} == {"25017"}
    assert {row[-1] for row in rows} == {1}


def test_a_score_that_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="ninety"):
        score_rows(STCOFIPS=["25017"], IFLD_RISKS=["ninety"])


def test_the_demo_describes_layers_whose_files_are_there() -> None:
    path: Path = PROJECT_ROOT / "demo" / "references.yaml"
    layers = parse_references(path.read_text(encoding="utf-8"), name=path.name).references
    assert {layer.kind for layer in layers} == {
        "fema_nfhl", "fema_nri", "census_counties", "fhfa_hpi", "municipal_boundary", "answer_key",
    }  # fmt: skip
    for layer in layers:
        assert (path.parent / layer.uri).is_file(), layer.name
        assert layer.coverage is None or layer.coverage in {other.name for other in layers}

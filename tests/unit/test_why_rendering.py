"""The answer to `why` as people meet it: words, the marked record, the tree in 80 columns, the page."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from real_estate_assets.cli.why_page import why_page
from real_estate_assets.cli.why_tree import why_tree
from real_estate_assets.core.provenance import wording
from real_estate_assets.core.provenance.explanation import Check, Factor, Property, Why
from real_estate_assets.core.provenance.explanation_json import read_why
from real_estate_assets.core.provenance.field_reference import UnknownFieldError, find_field
from real_estate_assets.core.provenance.raw_record import (
    RawRecord,
    delimited_record,
    delimited_spans,
    excerpt,
    feature_record,
)
from real_estate_assets.core.provenance.source_columns import root_fields, source_columns
from real_estate_assets.core.tenants.expressions import ColumnExpression, FirstExpression, SumExpression

from .why_samples import BUILD_RUN, COPIED, SHA, derived, sample, unknown

HEADER = ["PID", "ML", "Unit", "Address", "AssessedValue", "Owner"]
LINE = '189207,188-45,2,36 Madison Ave,590800,"Smith, ""Jo"" <b>"'


def answer(document: dict[str, Any], raw: RawRecord | None = None) -> Why:
    subject = Property(document["property_id"], "188-45", "2", "36 MADISON AVE")
    typed = replace(read_why(document), subject=subject)
    return typed if raw is None else typed.with_raw({3: raw})


def marked() -> RawRecord:
    return delimited_record(LINE, HEADER, ",", ("AssessedValue",))


def shown(told: Why, width: int = 80, link: Any = lambda _: None) -> str:
    output = io.StringIO()
    Console(file=output, width=width, highlight=False).print(why_tree(told, link))
    return output.getvalue()


# --- words


@pytest.mark.parametrize(
    ("value", "field", "text"),
    [
        (590800.0, "assessed_total_value_usd", "$590,800"),
        (-1234.5, "assessed_land_value_usd", "-$1,234.50"),
        (967.0, "living_area_sqft", "967 sq ft"),
        (1926, "year_built", "1926"),
        (2025, "fiscal_year", "2025"),
        (42.39940797536184, "latitude", "42.399408"),
        (0.03395, "overlap_share", "0.03395"),
        (True, "is_waterfront", "true"),
        (None, "zoning", "null"),
        ("Good", "condition_description", "Good"),
    ],
)
def test_a_value_is_written_as_people_write_it(value: Any, field: str, text: str) -> None:
    assert wording.shown_value(value, field) == text


def test_trust_has_two_digits_and_no_more() -> None:
    assert wording.shown_trust(0.8734) == "0.87"
    assert wording.shown_trust(None) == "n/a"


def test_a_long_reason_is_cut_to_its_first_sentence_in_the_terminal() -> None:
    factor = Factor("reliability", 0.8, 0, "A tax office's own record of .938. The rest is inspected in turns.", {})
    assert wording.factor_basis(factor) == "n 0: A tax office's own record of .938. …"
    assert wording.factor_basis(replace(factor, n=None, basis="copied")) == "copied"


def test_a_check_of_a_gate_speaks_only_of_failing() -> None:
    gate, own = Check("row", "property.is_positive", "It is below 0.", True), Check("row", "is_usual", "It fits.", True)
    assert (wording.check_words(gate), wording.check_words(own)) == ("", "It fits.")
    assert wording.check_words(replace(gate, passed=False)) == "It is below 0."


def test_inputs_of_one_name_are_told_apart_by_their_evidence() -> None:
    cells = [{"mart": None, "field": "hazard_score", "value": 0.8, "trust": 0.3, "evidence_no": n} for n in (16, 17)]
    told = shown(answer({**derived(), "inputs": cells}))
    assert "hazard_score (evidence 16)" in told
    assert "hazard_score (evidence 17)" in told


def test_a_reason_that_has_no_sentence_is_shown_as_it_stands() -> None:
    assert wording.null_words("blank_in_source") == "the cell is blank in the file"
    assert wording.null_words("some_new_reason") == "some new reason"


# --- the record


_CELLS = st.lists(st.text(alphabet='ab,;"\n é', max_size=8), min_size=1, max_size=6)


@given(_CELLS)
def test_cells_stand_where_a_csv_reader_finds_them(cells: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    line = text.getvalue()
    header = [f"c{i}" for i in range(len(cells))]
    record = delimited_record(line, header, ",", header)
    assert [cell.text for cell in record.cells] == cells
    assert record.missing == ()


@given(_CELLS)
def test_spans_cover_the_record_but_its_delimiters(cells: list[str]) -> None:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(cells)
    spans = list(delimited_spans(text.getvalue(), ","))
    assert ",".join(text.getvalue()[start:end] for start, end in spans) == text.getvalue()


def test_a_column_that_the_record_does_not_have_is_named() -> None:
    assert delimited_record("1,2", ["a", "b", "c"], ",", ("c", "nowhere")).missing == ("c", "nowhere")


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(st.text(min_size=1, max_size=5), _JSON, min_size=1, max_size=5), st.booleans())
def test_properties_of_a_feature_stand_where_json_has_them(properties: dict[str, Any], has_decoy: bool) -> None:
    decoy = {"geometry": {"properties": dict.fromkeys(properties, "decoy")}} if has_decoy else {}
    text = json.dumps({"type": "Feature", **decoy, "properties": properties})
    record = feature_record(text, tuple(properties))
    assert {cell.column: json.loads(cell.text) for cell in record.cells} == properties
    assert all(text[cell.start : cell.end] == cell.text for cell in record.cells)


@given(st.integers(20, 400), st.integers(0, 5))
def test_an_excerpt_keeps_every_marked_cell_whole(room: int, count: int) -> None:
    header = [f"column{i}" for i in range(60)]
    line = ",".join(f"value{i:03d}" for i in range(60))
    wanted = tuple(header[i * 11] for i in range(count))
    record = delimited_record(line, header, ",", wanted)
    text, marks, left_out = excerpt(record, room)
    assert [text[start:end] for start, end in marks] == [cell.text for cell in record.cells]
    assert len(text.replace("…", "")) + left_out == len(line)


# --- which columns fed a field


def test_columns_are_found_through_the_fields_a_field_was_derived_from() -> None:
    expressions = {
        "assessed_land_value_usd": ColumnExpression(column="Land"),
        "assessed_improvement_value_usd": SumExpression(sum="Bldg + Extra"),
        "address_raw": FirstExpression(first=(ColumnExpression(column="Address"), ColumnExpression(column="Street"))),
    }
    parts = ["assessed_land_value_usd", "assessed_improvement_value_usd"]
    derived_from = {"total": parts, "half": ["total"], "address_usps": ["address_raw"], "loop": ["loop"]}
    assert source_columns("half", expressions, derived_from) == ("Land", "Bldg", "Extra")
    assert source_columns("address_usps", expressions, derived_from) == ("Address", "Street")
    assert source_columns("zoning", expressions, derived_from) == ()
    assert root_fields("loop", derived_from) == ("loop",)


FIELDS = {
    "dim_properties": ["year_built", "living_area_sqft", "latitude"],
    "fct_sales": ["sale_price_usd"],
    "fct_property_hazards": ["hazard_score"],
}


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("year_built", "year_built"),
        ("dim_properties.YEAR_BUILT", "year_built"),
        ("fct_sales.sale_price_usd", "fct_sales.sale_price_usd"),
        ("hazard_score[flood]", "fct_property_hazards.hazard_score[flood]"),
        ("fct_property_hazards.hazard_score[heat]", "fct_property_hazards.hazard_score[heat]"),
    ],
)
def test_a_field_is_found_in_every_way_it_may_be_named(text: str, form: str) -> None:
    assert find_field(text, FIELDS).text == form


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("year_bilt", "year_built"),
        ("sale_price_usd", "fct_sales.sale_price_usd"),
        ("hazard_score", "fct_property_hazards.hazard_score[flood]"),
        ("fct_property_hazards.hazard_score", "hazard_score[heat]"),
        ("hazard_score[hail]", "hazard_score[flood]"),
        ("area", "living_area_sqft"),
        ("'; drop table x", "docs/marts"),
    ],
)
def test_an_unknown_field_says_what_was_probably_meant(text: str, hint: str) -> None:
    with pytest.raises(UnknownFieldError, match=re.escape(hint)):
        find_field(text, FIELDS)


# --- the tree


def test_the_tree_says_the_value_first_and_everything_else_below() -> None:
    told = shown(answer(sample(), marked()))
    lines = told.splitlines()
    assert lines[0] == "assessed_total_value_usd = $590,800"
    assert "188-45" in lines[1]
    assert "0.87" in lines[2]
    assert "solid" in lines[2]
    wanted = (
        "row 19",
        SHA[:40],
        "PDDL-1.0",
        "2024-01-01",
        'AssessedValue = "590800"',
        "36 Madison Ave",
        "df6b02361300",
    )
    wanted += ("n 27,122", "40 of 40", "total_is_the_sum", "$512,300", "older vintage", BUILD_RUN, "bytes verified")
    assert [text for text in wanted if text not in told] == []


@pytest.mark.parametrize("document", [sample(), unknown(), derived()], ids=["copied", "null", "derived"])
@pytest.mark.parametrize("width", [80, 100])
def test_the_tree_fits_the_terminal(document: dict[str, Any], width: int) -> None:
    long = answer(document, replace(marked(), text=LINE + "x" * 500))
    assert max(len(line) for line in shown(long, width).splitlines()) <= width


def test_a_null_says_why_and_what_was_looked_at() -> None:
    told = shown(answer(unknown(), delimited_record(LINE, HEADER, ",", ())))
    assert "null because the file has no column for it (not_in_source)" in told
    assert "trust n/a" in told
    assert "property_database_fy2025.csv.gz, row 19" in told
    assert "no column of the file is read into gross_area_sqft" in told


def test_a_derived_value_names_its_inputs_and_that_nothing_was_measured() -> None:
    told = shown(answer(derived()))
    assert told.startswith("fct_property_hazards.hazard_score[flood] = 0.8")
    assert "zone_code  AE  trust 0.79" in told
    assert "prior only" in told
    assert "feature 38" in told


def test_a_recalled_file_is_not_to_be_overlooked() -> None:
    evidence = {**COPIED["evidence"][0], "is_recalled": True, "recall_reason": "wrong year"}
    told = shown(answer(sample(evidence=[evidence], trust=0.0, band="weak")))
    assert "RECALLED" in told
    assert "taken back: wrong year" in told
    assert "0.00 ○ weak" in told


def test_a_record_that_cannot_be_read_says_so() -> None:
    told = shown(answer(sample(), RawRecord(None, problem="its bytes hash to 00")))
    assert "the record itself cannot be shown: its bytes hash to 00" in told
    assert "verified" not in told


def test_runs_are_linked_where_the_ui_is_and_plain_where_not() -> None:
    assert f"http://ui/runs/{BUILD_RUN}" in shown(answer(sample()), 120, lambda run: f"http://ui/runs/{run}")
    assert f"run {BUILD_RUN}" in shown(answer(sample()))


# --- the page


def test_the_page_stands_alone_and_escapes_what_a_source_wrote() -> None:
    page = why_page(answer(sample(), marked()))
    assert "<mark>590800</mark>" in page
    assert "&lt;b&gt;" in page
    assert "<b>&#34;" not in page
    assert re.findall(r"(?:src|href)=\"(?!http://ui)", page) == []
    assert "<script" not in page


@pytest.mark.parametrize("document", [sample(), unknown(), derived()], ids=["copied", "null", "derived"])
def test_the_page_says_what_the_tree_says(document: dict[str, Any]) -> None:
    told = answer(document, marked())
    page = why_page(told, lambda run: f"http://ui/runs/{run}")
    wanted = [wording.shown_value(told.value, told.field), wording.shown_trust(told.trust), told.evidence[0].method]
    wanted += [one.name for one in told.checks if one.scope == "row"] + [f"http://ui/runs/{BUILD_RUN}"]
    assert [text for text in wanted if text not in page] == []

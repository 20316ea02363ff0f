"""What a suite may say, and that the shipped ones say it: every rule explained, runnable, about a column there is."""

from __future__ import annotations

import copy
import datetime as dt
import json
import re
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.gates import Suite, SuiteError, parse_suite
from real_estate_assets.core.gates.suites import BATCH_TYPES, PARAMETERS, QUERY_TYPE, ROW_TYPES, bound_arguments
from real_estate_assets.core.gates.summary import KEY_COLUMNS, REPEAT_COLUMNS
from real_estate_assets.core.records.fields import RecordType, field_names

EXPECTATIONS = Path(__file__).parents[2] / "expectations"
RECORD_TYPES: tuple[RecordType, ...] = get_args(RecordType)
FACTS: dict[str, int | str] = {"received_on": "2026-03-01", "latest_year": 2028}

RANGE = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "lot_size_sqft", "min_value": 0},
    "meta": {"rule": "lot_size_not_negative", "level": "row", "severity": "error", "explain": "A lot below 0. Say so."},
}
QUERY = {
    "type": QUERY_TYPE,
    "kwargs": {"unexpected_rows_query": "select record_no, sale_date from {batch} where sale_date > :received_on"},
    "meta": {
        "rule": "not_yet",
        "level": "row",
        "severity": "warn",
        "column": "sale_date",
        "explain": "Too early. Wait.",
    },
}


def suite_of(*expectations: dict[str, Any]) -> str:
    return json.dumps({"name": "property", "expectations": list(expectations)})


def changed(expectation: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with one place set, or taken out where the value is None."""
    new = copy.deepcopy(expectation)
    *way, last = path.split(".")
    place = new
    for step in way:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return new


@pytest.fixture(params=RECORD_TYPES)
def shipped(request: pytest.FixtureRequest) -> Suite:
    path = EXPECTATIONS / f"{request.param}.json"
    return parse_suite(path.read_text(encoding="utf-8"), path.name)


def test_there_is_a_suite_for_every_record_type_and_no_other() -> None:
    assert {path.stem for path in EXPECTATIONS.glob("*.json")} == set(RECORD_TYPES)


def test_every_shipped_rule_says_what_it_means_and_what_to_do(shipped: Suite) -> None:
    for rule in shipped.rules:
        assert len(re.findall(r"[.?!](?:\s|$)", rule.explain)) >= 2, f"{rule.name}: what it means and what to do"
        assert rule.explain.isprintable()


def test_every_shipped_suite_guards_rows_and_the_whole_file(shipped: Suite) -> None:
    blocking = {rule.column for rule in shipped.of_level("batch") if rule.severity == "error"}
    assert {"rows_read", "quarantined_share", "row_count_ratio", "columns_lost", "columns_misread"} <= blocking
    assert any(rule.severity == "error" for rule in shipped.of_level("row"))
    if KEY_COLUMNS[shipped.record_type]:
        assert {"keyless_share", "repeated_key_share"} <= blocking


def test_a_batch_rule_that_warns_is_narrower_than_the_one_that_blocks(shipped: Suite) -> None:
    batch = shipped.of_level("batch")
    for warning in (rule for rule in batch if rule.severity == "warn"):
        error = next(r for r in batch if r.severity == "error" and r.column == warning.column)
        if "max_value" in error.kwargs:
            assert warning.kwargs["max_value"] < error.kwargs["max_value"]
        if "min_value" in error.kwargs:
            assert warning.kwargs["min_value"] > error.kwargs["min_value"]


def test_great_expectations_knows_every_type_and_takes_every_argument(shipped: Suite) -> None:
    from great_expectations.core import ExpectationSuite
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    expectations = [
        ExpectationConfiguration(type=rule.type, kwargs=bound_arguments(rule, FACTS), meta={"rule": rule.name})
        for rule in shipped.rules
    ]
    built = ExpectationSuite(name=shipped.record_type, expectations=expectations)
    assert [e.meta["rule"] for e in built.expectations] == [rule.name for rule in shipped.rules]


def test_key_columns_are_columns() -> None:
    for record_type in RECORD_TYPES:
        assert set(KEY_COLUMNS[record_type]) | set(REPEAT_COLUMNS[record_type]) <= set(field_names(record_type))


def test_a_rule_is_read_as_written() -> None:
    suite = parse_suite(suite_of(RANGE, QUERY), "property.json")
    first, second = suite.rules
    assert (first.name, first.level, first.severity, first.column) == (
        "lot_size_not_negative",
        "row",
        "error",
        "lot_size_sqft",
    )
    assert (second.name, second.column) == ("not_yet", "sale_date")
    assert suite.of_level("batch") == ()


@pytest.mark.parametrize("key", ["rule", "level", "severity", "explain"])
def test_a_missing_meta_is_an_error_that_names_file_and_rule(key: str) -> None:
    with pytest.raises(SuiteError, match=rf"^property\.json, rule 1.*meta lacks {key}"):
        parse_suite(suite_of(changed(RANGE, f"meta.{key}", None)), "property.json")


@pytest.mark.parametrize(
    ("expectation", "problem"),
    [
        (changed(RANGE, "type", "expect_column_values_to_be_lovely"), "cannot be used for a row rule"),
        # Great Expectations has these, but they name no failing record, or no single number.
        (changed(RANGE, "type", ["expect_column_values_to_be_between"]), "cannot be used for a row rule"),
        (changed(RANGE, "type", "expect_table_row_count_to_be_between"), "cannot be used for a row rule"),
        (changed(QUERY, "meta.level", "batch"), "cannot be used for a batch rule"),
        (changed(RANGE, "kwargs.mostly", 0.9), "does not take mostly"),
        (changed(RANGE, "kwargs.column", "lot_size"), "there is no column 'lot_size' in the records"),
        (changed(RANGE, "meta.level", "batch"), "there is no column 'lot_size_sqft' in a summary"),
        (changed(RANGE, "kwargs.min_value", None), "a range needs"),
        (changed(RANGE, "kwargs.max_value", {"$PARAMETER": "tomorrow"}), "unknown parameter 'tomorrow'"),
        (changed(RANGE, "kwargs.column", None), "lacks column"),
        (changed(RANGE, "meta.severity", "fatal"), "must be one of error, warn"),
        (changed(RANGE, "meta.level", "table"), "must be one of row, batch"),
        (changed(RANGE, "meta.rule", "Lot size"), "snake_case"),
        (changed(RANGE, "meta.explain", "lot"), "meta.explain"),
        (changed(RANGE, "meta.owner", "me"), "unknown owner"),
        (changed(RANGE, "notes", "x"), "nothing else"),
        (changed(RANGE, "kwargs", None), "nothing else"),
        (changed(QUERY, "meta.column", None), "meta lacks column"),
        (changed(QUERY, "kwargs.unexpected_rows_query", "select 1 from {batch} where true"), "the query must be"),
        (
            changed(QUERY, "kwargs.unexpected_rows_query", "select record_no, 1 from raw.property where true"),
            "the query must be",
        ),
        (
            changed(QUERY, "kwargs.unexpected_rows_query", "select record_no, 1 from {batch} where true; drop table x"),
            "the query must be",
        ),
        (
            changed(QUERY, "kwargs.unexpected_rows_query", "select record_no, 1 from {batch} where sale_date > :now"),
            "unknown parameter 'now'",
        ),
    ],
)
def test_what_cannot_be_run_as_meant_is_refused(expectation: dict[str, Any], problem: str) -> None:
    with pytest.raises(SuiteError, match=r"^property\.json, rule ") as refused:
        parse_suite(suite_of(expectation), "property.json")
    assert problem in str(refused.value)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "property.json: "),
        ("[]", "must be a record type"),
        ('{"name": "house", "expectations": []}', "must be a record type"),
        ('{"name": "property", "expectations": []}', "at least one rule"),
        ('{"name": "property", "name": "parcel"}', "the key 'name' stands twice"),
        (suite_of(RANGE, RANGE), "two rules are named lot_size_not_negative"),
    ],
)
def test_a_file_that_is_no_suite_is_refused(text: str, problem: str) -> None:
    with pytest.raises(SuiteError, match=re.escape(problem)):
        parse_suite(text, "property.json")


def test_facts_of_the_file_take_the_place_of_parameters() -> None:
    bounded = changed(RANGE, "kwargs.max_value", {"$PARAMETER": "latest_year"})
    casting = changed(
        QUERY,
        "kwargs.unexpected_rows_query",
        "select record_no, sale_date::text from {batch} where sale_date > :received_on",
    )
    first, second = parse_suite(suite_of(bounded, casting), "property.json").rules
    assert bound_arguments(first, FACTS) == {"column": "lot_size_sqft", "min_value": 0, "max_value": 2028}
    assert bound_arguments(second, FACTS) == {
        "unexpected_rows_query": "select record_no, sale_date::text from {batch} where sale_date > '2026-03-01'"
    }
    assert set(FACTS) == set(PARAMETERS)


@given(st.dates(min_value=dt.date(1970, 1, 1)))
def test_no_parameter_is_left_in_a_shipped_query(received_on: dt.date) -> None:
    facts: dict[str, int | str] = {"received_on": received_on.isoformat(), "latest_year": received_on.year + 2}
    for path in EXPECTATIONS.glob("*.json"):
        for rule in parse_suite(path.read_text(encoding="utf-8"), path.name).rules:
            bound = json.dumps(bound_arguments(rule, facts))
            assert "$PARAMETER" not in bound
            assert not re.search(r"(?<!:):[a-z]", bound)


def _json() -> st.SearchStrategy[Any]:
    leaves = (
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=8)
        | st.sampled_from([*ROW_TYPES, *BATCH_TYPES, "row"])
    )
    keys = st.sampled_from(["type", "kwargs", "meta", "rule", "level", "severity", "explain", "column", "min_value"])
    return st.recursive(
        leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=4), max_leaves=12
    )


@given(_json())
def test_anything_else_is_refused_as_a_suite_and_not_by_accident(expectation: Any) -> None:
    with pytest.raises(SuiteError, match=r"^property\.json"):
        parse_suite(json.dumps({"name": "property", "expectations": [expectation]}), "property.json")

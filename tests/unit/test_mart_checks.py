"""Data tests of the marts as checks of cells: rows and errors only, and never more fields than are really tested."""

from __future__ import annotations

from typing import Any

from real_estate_assets.core.provenance.mart_checks import mart_checks


def mart(name: str, *columns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"models": [{"name": name, "columns": list(columns), **more}]}


def within(name: str, **more: Any) -> dict[str, Any]:
    return {"in_range": {"name": name, "arguments": {"min_value": 0, "max_value": 1}, **more}}


def test_a_test_of_a_column_touches_it_and_a_rule_touches_every_column_it_reads() -> None:
    agrees = {"agrees_with": {"name": "both", "arguments": {"rule": "(score is null) = (reason is not null)"}}}
    found = list(
        mart_checks([
            mart("hazards", {"name": "score", "data_tests": [within("score_in_range")]}, {"name": "reason"},
                 {"name": "other"}, data_tests=[agrees])
        ])
    )  # fmt: skip
    assert {check.check_name: check.fields for check in found} == {
        "mart.both": ("score", "reason"),
        "mart.score_in_range": ("score",),
    }
    assert next(c.description for c in found if c.fields == ("score",)) == "dbt test in_range: min_value 0, max_value 1"


def test_a_warning_and_a_judgement_of_the_whole_column_are_no_checks_of_a_cell() -> None:
    share = {"null_share_at_most": {"name": "few_nulls", "arguments": {"share": 0.5}}}
    warned = within("warned", config={"severity": "warn"})
    assert not list(mart_checks([mart("m", {"name": "score", "data_tests": [warned, share]})]))


def test_a_field_that_another_mart_shows_untested_does_not_count_as_tested() -> None:
    tested = mart("one", {"name": "year", "data_tests": [within("one_year")]})
    untested = mart("two", {"name": "year"})
    also_tested = mart("two", {"name": "year", "data_tests": [within("two_year")]})
    assert not list(mart_checks([tested, untested]))
    assert [check.fields for check in mart_checks([tested, also_tested])] == [("year",), ("year",)]

"""The summary of a file that batch rules look at, and the words of a verdict."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.gates import Account, FileSummary, GateResult, Locator, Rule, RuleOutcome
from real_estate_assets.core.gates.summary import MEASURES, lost_columns, misread_columns

ROW = Rule("lot_size_not_negative", "row", "error", "A lot below 0. Say so.", "t", {}, "lot_size_sqft")
ROW_WARNING = Rule("bedrooms_are_usual", "row", "warn", "Many bedrooms. Look.", "t", {}, "bedrooms_total")
BATCH = Rule("row_count_not_halved", "batch", "error", "Cut short. Ask.", "t", {}, "row_count_ratio")
BATCH_WARNING = Rule("row_count_is_steady", "batch", "warn", "Fewer rows. Ask.", "t", {}, "row_count_ratio")


def result(*outcomes: RuleOutcome) -> GateResult:
    return GateResult("acme", 1, "property", outcomes, Account(rows_in=10, accepted=8, quarantined=2))


def test_measures_follow_from_the_counts() -> None:
    summary = FileSummary(
        rows_in=200, rows_read=190, rows_quarantined=20, rows_without_key=19, rows_repeating_key=38, previous_rows=400
    )
    assert summary.measures() == {
        "rows_read": 190,
        "unreadable_share": 0.05,
        "quarantined_share": 0.1,
        "keyless_share": 0.1,
        "repeated_key_share": 0.2,
        "row_count_ratio": 0.5,
        "columns_lost": 0,
        "columns_misread": 0,
    }
    assert summary.observed("row_count_ratio") == "200 rows, 400 in the vintage before (-50.0%)"
    assert summary.observed("keyless_share") == "share of rows without a key: 10.0% (19 of 190)"
    assert summary.observed("quarantined_share") == "share of rows in quarantine: 10.0% (20 of 200)"


def test_a_measure_that_does_not_apply_is_null_not_zero() -> None:
    measures = FileSummary(rows_in=10, rows_read=10, rows_quarantined=0).measures()
    assert measures["row_count_ratio"] is None
    assert measures["keyless_share"] is None
    assert (
        FileSummary(rows_in=10, rows_read=10, rows_quarantined=0).observed("row_count_ratio").endswith("does not apply")
    )


@given(st.integers(0, 10**7), st.integers(0, 10**7), st.integers(0, 10**7), st.none() | st.integers(0, 10**7))
def test_every_measure_is_named_counted_and_put_into_words(
    read: int, refused: int, bad: int, previous: int | None
) -> None:
    rows_in = read + refused
    summary = FileSummary(rows_in, read, min(bad, rows_in), min(bad, read), min(bad, read), previous)
    measures = summary.measures()
    assert list(measures) == list(MEASURES)
    for name, value in measures.items():
        assert summary.observed(name)
        if name.endswith("_share") and value is not None:
            assert 0 <= value <= 1


def test_a_column_is_lost_when_it_was_filled_and_is_empty() -> None:
    before = {"address_raw": 1.0, "lot_size_sqft": 0.6, "sale_date": 0.3, "stories": 0.9, "year_built": 0.9}
    now = {"address_raw": 0.04, "lot_size_sqft": 0.0, "sale_date": 0.0, "stories": 0.4}
    assert lost_columns(before, now) == ("address_raw", "lot_size_sqft", "year_built")


def test_a_column_is_misread_when_most_of_its_text_fails_and_it_is_not_a_stray_cell() -> None:
    filled = {"sale_date": 100, "lot_size_sqft": 100, "stories": 0}
    assert misread_columns({"sale_date": 101, "lot_size_sqft": 100, "stories": 19, "year_built": 20}, filled) == (
        "sale_date",
        "year_built",
    )


@pytest.mark.parametrize(
    ("uri", "kind", "expected"),
    [
        ("s3://bucket/cambridge/tax_fy14.csv", "csv_row", "tax_fy14.csv row 17"),
        ("parcels_fy2014.topojson.gz", "feature_index", "parcels_fy2014.topojson.gz feature 17"),
        ("https://county.example/roll.csv?token=secret", "csv_row", "roll.csv row 17"),
    ],
)
def test_a_locator_names_file_and_record_and_no_token(uri: str, kind: str, expected: str) -> None:
    assert Locator(uri, kind).of([17]) == (expected,)


def test_only_a_failed_batch_rule_of_severity_error_blocks() -> None:
    failing = [RuleOutcome(rule, passed=False, rows_failed=1) for rule in (ROW, ROW_WARNING, BATCH, BATCH_WARNING)]
    verdict = result(*failing)
    assert [o.rule.name for o in verdict.blocking] == ["row_count_not_halved"]
    assert [o.rule.name for o in verdict.quarantining] == ["lot_size_not_negative"]
    assert [o.rule.name for o in verdict.warnings] == ["bedrooms_are_usual", "row_count_is_steady"]
    assert not verdict.passed
    assert result(*failing[:2], RuleOutcome(BATCH, passed=True)).passed
    assert (verdict.checks_passed, verdict.checks_total) == (0, 4)


def test_messages_say_how_many_where_and_what_to_do() -> None:
    many = RuleOutcome(ROW, passed=False, rows_failed=1200, samples=("a.csv row 1", "a.csv row 9"))
    assert many.message == "1,200 rows quarantined (e.g. a.csv row 1, a.csv row 9). A lot below 0. Say so."
    one = RuleOutcome(ROW_WARNING, passed=False, rows_failed=1, samples=("a.csv row 1",))
    assert one.message == "1 row (a.csv row 1). Many bedrooms. Look."
    batch = RuleOutcome(BATCH, passed=False, observed="5 rows, 20 in the vintage before (-75.0%)")
    assert batch.message == "5 rows, 20 in the vintage before (-75.0%). Cut short. Ask."


def test_the_report_holds_every_failure_once() -> None:
    report = result(
        RuleOutcome(ROW, passed=False, rows_failed=2, samples=("a.csv row 1", "a.csv row 2")),
        RuleOutcome(BATCH, passed=True, observed="fine"),
    ).as_report()
    assert report["row_failures"] == {
        "lot_size_not_negative": "2 rows quarantined (a.csv row 1, a.csv row 2). A lot below 0. Say so."
    }
    assert report["batch_failures"] == {}
    assert report["failed_rows"] == {"lot_size_not_negative": 2}
    assert (report["rows_in"], report["accepted"], report["quarantined"]) == (10, 8, 2)


def test_an_account_balances_only_when_no_row_is_lost_or_doubled() -> None:
    assert Account(10, 8, 2).balances
    assert not Account(10, 8, 1).balances
    assert not Account(10, 9, 2).balances

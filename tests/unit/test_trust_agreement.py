"""When two statements agree, and how they are counted."""

from __future__ import annotations

import csv
import datetime as dt
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.provenance.agreement import Comparison, agreement_counts, comparisons, pair_agreement
from real_estate_assets.core.provenance.row_checks import RowCheck
from real_estate_assets.core.records.fields import PROPERTY

SEED = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "field_tolerance.csv"
CHECKS = [
    RowCheck(check_name="area_is_odd", bit=0, description="The area is odd.", fields=("area",)),
    RowCheck(check_name="value_is_odd", bit=2, description="The value is odd.", fields=("value", "area")),
    RowCheck(check_name="else", bit=5, description="Something else.", fields=("words",)),
]
FIELDS = {"area": Comparison("number", 0.01), "value": Comparison("number", 0.05), "words": Comparison("text")}


def frame(rows: list[dict[str, Any]], **more: Any) -> pl.DataFrame:
    types = {"property_id": pl.String, "area": pl.Float64, "value": pl.Float64, "words": pl.String, "day": pl.Date,
             "flag": pl.Boolean, "segment": pl.String, "failed_checks": pl.Int64}  # fmt: skip
    return pl.DataFrame([{"segment": "HOUSE", "failed_checks": None, **row, **more} for row in rows], schema=types)


def counts(older: pl.DataFrame, newer: pl.DataFrame, *fields: str) -> list[dict[str, Any]]:
    return agreement_counts(older, newer, FIELDS, CHECKS, fields=fields).to_dicts()


def one_pair(compare: Comparison, old: Any, new: Any) -> tuple[int, int]:
    """(n, agree) of a single pair."""
    kind = {"number": pl.Float64, "text": pl.String, "date": pl.Date, "flag": pl.Boolean}[compare.comparison]
    rows = pair_agreement(pl.DataFrame({"a": [old], "b": [new]}, schema={"a": kind, "b": kind}), "a", "b", compare)
    return (0, 0) if rows.is_empty() else rows.select("n", "agree").row(0)


def test_the_seed_says_how_every_assessor_and_sale_field_is_compared() -> None:
    with SEED.open(encoding="utf-8") as file:
        known = comparisons(csv.DictReader(file))
    own = {field.name: field.pg_type for field in PROPERTY if field.group in ("assessor", "sale")}
    assert known.keys() == own.keys() - {"fiscal_year"}
    assert known["sale_date"] == Comparison("date")
    assert known["assessed_total_value_usd"] == Comparison("number", 0.05)
    kinds = {"text": "text", "boolean": "flag", "date": "date"}
    assert {name: one.comparison for name, one in known.items()} == {
        name: kinds.get(own[name], "number") for name in known
    }


@pytest.mark.parametrize(
    ("compare", "old", "new", "agrees"),
    [
        (Comparison("number", 0.01), 100.0, 101.0, True),
        (Comparison("number", 0.01), 100.0, 101.1, False),
        (Comparison("number", 0.01), 101.1, 100.0, False),
        (Comparison("number"), 12479.0, 12479.0, True),
        (Comparison("number"), 0.0, 0.0, True),
        (Comparison("number", 0.05), 0.0, 1.0, False),
        (Comparison("number", 0.05), -100.0, -104.0, True),
        (Comparison("number", 0.05), math.inf, math.inf, True),
        (Comparison("text"), " two\tFAM  res", "TWO FAM RES ", True),
        (Comparison("text"), "26596/ 61", "26596/61", False),
        (Comparison("text"), "", "  ", True),
        (Comparison("date"), dt.date(2012, 5, 31), dt.date(2012, 5, 31), True),
        (Comparison("date"), dt.date(2012, 5, 31), dt.date(2012, 6, 1), False),
        (Comparison("flag"), False, False, True),
        (Comparison("flag"), False, True, False),
    ],
)
def test_pairs_agree_within_the_tolerance_of_the_older_value(
    compare: Comparison, old: Any, new: Any, agrees: bool
) -> None:
    assert one_pair(compare, old, new) == (1, int(agrees))


@pytest.mark.parametrize(("old", "new"), [(None, 1.0), (1.0, None), (None, None)])
def test_a_null_claims_nothing_and_so_does_not_count(old: float | None, new: float | None) -> None:
    assert one_pair(Comparison("number"), old, new) == (0, 0)


@given(st.floats(1, 1e9), st.floats(0.5, 2), st.floats(0, 0.5), st.floats(0, 0.5))
def test_a_wider_tolerance_never_agrees_less(old: float, ratio: float, one: float, other: float) -> None:
    narrow, wide = sorted((one, other))
    agrees = [one_pair(Comparison("number", tolerance), old, old * ratio)[1] for tolerance in (narrow, wide)]
    assert agrees[0] <= agrees[1]


def test_values_that_appear_or_disappear_are_counted_beside() -> None:
    older = frame(
        [{"property_id": "1", "area": 10.0}, {"property_id": "2", "area": None}, {"property_id": "3", "area": 5.0}]
    )
    newer = frame(
        [{"property_id": "1", "area": 10.0}, {"property_id": "2", "area": 8.0}, {"property_id": "3", "area": None}]
    )
    assert counts(older, newer, "area") == [
        {"field": "area", "segment": "HOUSE", "failed": "", "n": 1, "agree": 1, "appeared": 1, "disappeared": 1}
    ]


def test_only_properties_in_both_files_are_compared_and_the_older_one_says_which_part_they_are() -> None:
    older = frame([{"property_id": "1", "area": 10.0, "segment": "CONDO"}, {"property_id": "9", "area": 7.0}])
    newer = frame([{"property_id": "1", "area": 20.0, "segment": "HOUSE"}, {"property_id": "8", "area": 7.0}])
    assert [(row["segment"], row["n"], row["agree"]) for row in counts(older, newer, "area")] == [("CONDO", 1, 0)]


def test_failed_checks_are_named_where_they_touch_the_field_only() -> None:
    older = frame([{"property_id": "1", "area": 1.0, "value": 1.0, "words": "a", "failed_checks": 0b101}])
    found = {row["field"]: row["failed"] for row in counts(older, older, "area", "value", "words")}
    assert found == {"area": "area_is_odd, value_is_odd", "value": "value_is_odd", "words": ""}


def test_a_property_that_stands_twice_in_a_file_is_refused() -> None:
    once, twice = (frame([{"property_id": "1", "area": 1.0}] * times) for times in (1, 2))
    for older, newer in ((once, twice), (twice, once)):
        with pytest.raises(pl.exceptions.ComputeError):
            agreement_counts(older, newer, FIELDS, CHECKS, fields=["area"])


def test_a_field_that_nobody_says_how_to_compare_is_refused() -> None:
    rows = frame([{"property_id": "1", "day": dt.date(2014, 1, 1)}])
    with pytest.raises(KeyError, match="day"):
        agreement_counts(rows, rows, FIELDS, CHECKS, fields=["day"])


def test_no_common_field_is_no_count() -> None:
    rows = frame([{"property_id": "1"}])
    assert agreement_counts(rows, rows, FIELDS, CHECKS, fields=[]).is_empty()


MASKS = st.one_of(st.none(), st.integers(0, 63))
VALUES = st.one_of(st.none(), st.integers(1, 6).map(float))
ROWS = st.lists(st.tuples(st.sampled_from(["HOUSE", "CONDO"]), MASKS, VALUES, VALUES), max_size=12)


@given(ROWS)
def test_every_pair_is_counted_once_and_as_python_would(
    rows: list[tuple[str, int | None, float | None, float | None]],
) -> None:
    older = frame(
        [
            {"property_id": str(n), "segment": s, "failed_checks": m, "area": old}
            for n, (s, m, old, _) in enumerate(rows)
        ]
    )
    newer = frame([{"property_id": str(n), "area": new} for n, (*_, new) in enumerate(rows)])
    found = agreement_counts(older, newer, FIELDS, CHECKS, fields=["area"])
    both = [(old, new) for *_, old, new in rows if old is not None and new is not None]
    assert found["n"].sum() == len(both)
    assert found["agree"].sum() == sum(abs(new - old) <= 0.01 * old for old, new in both)
    assert found["appeared"].sum() == sum(old is None and new is not None for *_, old, new in rows)
    assert found["disappeared"].sum() == sum(new is None and old is not None for *_, old, new in rows)
    assert found.select("segment", "failed").is_duplicated().any() is False


def test_two_sources_are_compared_by_the_values_of_a_third_column() -> None:
    rows = pl.DataFrame({"band": ["a", "a", "b", None], "left": [1.0, 2.0, 3.0, 4.0], "right": [1.04, 3.0, 3.0, 4.0]})
    found = pair_agreement(rows, "left", "right", Comparison("number", 0.05), segment="band")
    assert found.rows() == [("a", 2, 1), ("b", 1, 1)]

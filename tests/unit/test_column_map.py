"""Texts become typed values by the declared map; money is exact; every null that had text has its reason."""

from __future__ import annotations

import datetime as dt
import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from real_estate_assets.core.records.fields import FIELDS, RecordType
from real_estate_assets.core.records.mapping import map_records
from real_estate_assets.core.records.parsing import dtype_of, parse_texts
from real_estate_assets.core.records.scalars import BLANKS, Family, family_of, parse_scalar
from real_estate_assets.core.tenants.model import Layout

FAMILY_FIELD: dict[Family, str] = {
    "text": "zoning",
    "integer": "year_built",
    "number": "lot_size_sqft",
    "money": "sale_price_usd",
    "boolean": "is_waterfront",
    "date": "sale_date",
}


def read(
    field: str, expression: Any, cells: list[str | None], *, markers: tuple[str, ...] = (), **more: list[str]
) -> list[tuple[Any, str | None]]:
    """Value and reason of each row; `cells` are the column `c`, `more` further columns."""
    layout = Layout.model_validate(
        {"record_type": "property", "format": "csv", "encoding": "utf-8", "delimiter": ",", "crs": None, "layer": None,
         "null_markers": markers, "columns": {field: expression}}
    )  # fmt: skip
    texts = pl.DataFrame({"c": cells, **more}, schema=dict.fromkeys(["c", *more], pl.String))
    frame, issues = map_records(texts, pl.Series(range(len(cells))), layout, ["25017"])
    reasons = [json.loads(text)[field] if text else None for text in frame["null_reasons"].to_list()]
    refused = [(number, reason) for number, reason in enumerate(reasons) if reason in ("out_of_bounds", "unparseable")]
    assert [(issue.record_no, issue.reason) for issue in issues] == refused
    assert all(issue.column == field for issue in issues)
    return list(zip(frame[field].to_list(), reasons, strict=True))


@pytest.mark.parametrize(
    ("field", "cells", "values"),
    [
        ("lot_size_sqft", ["11182.00", "12478.9999752", " 5 ", "1e3", ".5"], [11182.0, 12478.9999752, 5.0, 1e3, 0.5]),
        ("year_built", ["1990", "3.0", "3.00", "+7", "-2", "007"], [1990, 3, 3, 7, -2, 7]),
        ("sale_price_usd", ["1", "2.5", "1010700.00", "0.005", "-0.005", "1e3", "999999999999.99"],
         [Decimal(t) for t in ("1.00", "2.50", "1010700.00", "0.01", "-0.01", "1000.00", "999999999999.99")]),
        ("is_waterfront", ["True", "false", "Y", "no", "1", "0"], [True, False, True, False, True, False]),
        ("sale_date", ["2014-05-27", "2014-05-27 00:00:00.000", "2014-05-27T10:00:00Z"], [dt.date(2014, 5, 27)] * 3),
        ("zoning", [" R-1 ", "x\ny"], [" R-1 ", "x\ny"]),
    ],
)  # fmt: skip
def test_either_style_of_a_value_is_read(field: str, cells: list[str], values: list[Any]) -> None:
    assert read(field, "c", list(cells)) == [(value, None) for value in values]


@pytest.mark.parametrize(
    ("field", "cells"),
    [
        ("lot_size_sqft", ["1,234", "nan", "inf", "-Infinity", "1e400", "0x1F", "1_000", "$5", "1 2", "٣", "--1", "."]),
        ("year_built", ["3.5", "1e3", "2147483648", "-99999999999", "19 90", "x", "٣"]),
        ("sale_price_usd", ["$5", "1,234.00", "1000000000000", "1e300", "nan", "x"]),
        ("is_waterfront", ["maybe", "2", "truee"]),
        ("sale_date", ["2014-02-30", "2014-13-01", "27/05/2014", "20140527", "0000-01-01"]),
    ],
)  # fmt: skip
def test_what_is_no_value_is_null_with_a_reason(field: str, cells: list[str]) -> None:
    assert read(field, "c", list(cells)) == [(None, "unparseable")] * len(cells)


@pytest.mark.parametrize("field", FAMILY_FIELD.values())
def test_a_blank_is_null_without_a_reason(field: str) -> None:
    assert read(field, "c", ["", "  ", None, "\t"]) == [(None, None)] * 4


sloppy = (
    st.text("0123456789.-+eE ", max_size=12) | st.text(max_size=6) | st.decimals(allow_nan=False, places=3).map(str)
)


@pytest.mark.parametrize("family", FAMILY_FIELD)
@given(
    texts=st.lists(sloppy | st.sampled_from(["true", "NO", "2014-02-29", "2012-02-29", "1e3", "00012"]), max_size=20)
)
@settings(deadline=None, max_examples=150)
def test_a_whole_column_is_read_as_each_cell_is(family: Family, texts: list[str]) -> None:
    words = [text.strip(BLANKS) or None for text in texts]
    expected = [parsed_or_none(word, family) for word in words]
    column = parse_texts(pl.Series("c", words, dtype=pl.String), family)
    assert column.dtype == dtype_of(family)
    assert column.to_list() == expected


def parsed_or_none(word: str | None, family: Family) -> Any:
    if word is None:
        return None
    try:
        return parse_scalar(word, family)
    except ValueError:
        return None


@given(st.decimals(min_value="-999999999999.99", max_value="999999999999.99", allow_nan=False, places=2))
@example(Decimal("4503599627370497.03").quantize(Decimal("0.01")) % 1000000000000)
@settings(deadline=None)
def test_money_in_cents_is_read_back_to_the_cent(amount: Decimal) -> None:
    assert read("sale_price_usd", "c", [f"{amount:f}"]) == [(amount, None)]


@given(st.integers(-(10**13), 10**13), st.integers(0, 6))
@settings(deadline=None)
def test_money_rounds_half_away_from_zero_and_never_by_a_float(digits: int, places: int) -> None:
    text = f"{Decimal(digits).scaleb(-places):f}"
    exact = Decimal(text).quantize(Decimal("0.01"), rounding=ROUND_HALF_UP)
    expected = (exact, None) if abs(exact) <= Decimal("999999999999.99") else (None, "unparseable")
    assert read("sale_price_usd", "c", [text]) == [expected]


@pytest.mark.parametrize(
    ("field", "nulls", "cells", "kept"),
    [
        ("lot_size_sqft", [-1, 0], ["-1", "-1.00", " -1 ", "0.0", "0", "-0"], []),
        ("lot_size_sqft", [-9999], ["-9999", "-9999.0", "-9999.00000", "-9999.5"], [-9999.5]),
        ("year_built", [0], ["0", "0.0", "00", "1"], [1]),
        ("sale_price_usd", ["."], [".", "5"], [Decimal("5.00")]),
        ("sale_date", ["1900-01-01"], ["1900-01-01", "1900-01-01 00:00:00", "1900-01-02"], [dt.date(1900, 1, 2)]),
        ("zoning", ["0"], ["0", "00", "0.0"], ["00", "0.0"]),
    ],
)  # fmt: skip
def test_a_null_marker_fits_by_text_and_by_value(
    field: str, nulls: list[Any], cells: list[str], kept: list[Any]
) -> None:
    rows = read(field, {"column": "c", "nulls": nulls}, list(cells))
    assert [row for row in rows if row[0] is not None] == [(value, None) for value in kept]
    assert [row for row in rows if row[0] is None] == [(None, "null_marker")] * (len(cells) - len(kept))


def test_the_sources_markers_hold_for_every_column() -> None:
    assert read("zoning", "c", ["NULL", "x"], markers=("NULL",)) == [(None, "null_marker"), ("x", None)]


def test_a_date_marker_fits_by_the_day_it_means() -> None:
    expression = {"column": "c", "date": ["%m/%d/%Y %H:%M:%S", "%m/%d/%Y"], "nulls": ["1/1/1900"]}
    assert read("sale_date", expression, ["01/01/1900 0:00:00", "1/2/1900"]) == [
        (None, "null_marker"),
        (dt.date(1900, 1, 2), None),
    ]


@pytest.mark.parametrize(
    ("date_format", "text", "value"),
    [
        ("%m/%d/%Y", "7/5/2005", dt.date(2005, 7, 5)),
        ("%m/%d/%Y", "07/05/2005", dt.date(2005, 7, 5)),
        ("%m/%d/%Y %H:%M:%S", "11/21/1979 0:00:00", dt.date(1979, 11, 21)),
        ("%Y%m%dT%H%M%S", "20141013T000000", dt.date(2014, 10, 13)),
        ("%Y%m%dT000000", "20141013T000000", dt.date(2014, 10, 13)),
        ("%y%m%d", "960423", dt.date(1996, 4, 23)),
        ("%y%m%d", "680423", dt.date(2068, 4, 23)),
        ("%d-%b-%Y", "05-Jul-2005", dt.date(2005, 7, 5)),
        ("%B %d, %Y", "July 5, 2005", dt.date(2005, 7, 5)),
        ("%Y-%m-%d %H:%M:%S.%f", "2016-06-16 00:00:00.000", dt.date(2016, 6, 16)),
        ("%m/%d/%Y", "2/29/2005", None),
        ("%m/%d/%Y", "13/1/2005", None),
        ("%m/%d/%Y", "7/5/05", None),
        ("%m/%d/%Y", "7/5/2005 x", None),
        ("%y%m%d", "96423", None),
    ],
)
def test_dates_are_read_by_the_declared_format(date_format: str, text: str, value: dt.date | None) -> None:
    expected = (value, None if value else "unparseable")
    assert read("sale_date", {"column": "c", "date": date_format}, [text]) == [expected]


@given(
    st.dates(dt.date(1000, 1, 1)), st.sampled_from(["%m/%d/%Y", "%d.%m.%Y", "%Y%m%d", "%b %d, %Y", "%Y-%m-%dT%H:%M:%S"])
)
@settings(deadline=None)
def test_every_day_is_read_back(day: dt.date, date_format: str) -> None:
    assert read("sale_date", {"column": "c", "date": date_format}, [day.strftime(date_format)]) == [(day, None)]


def test_bounds_are_inclusive_and_refuse_with_a_reason() -> None:
    expression = {"column": "c", "min": 1, "max": 100}
    assert read("gross_area_sqft", expression, ["1", "100", "-35616.00", "100.5"]) == [
        (1.0, None), (100.0, None), (None, "out_of_bounds"), (None, "out_of_bounds"),
    ]  # fmt: skip
    assert read("sale_price_usd", {"column": "c", "max": "0.01"}, ["0.01", "0.02"])[1] == (None, "out_of_bounds")
    assert read("sale_date", {"column": "c", "max": "2014-01-01"}, ["2014-01-01", "2014-01-02"])[1][0] is None


def test_values_are_a_closed_list() -> None:
    expression = {"column": "c", "values": {"one": 1, "one+half": 1.5, "none": None}}
    assert read("stories", expression, ["one", " one+half ", "none", "bilevel", ""]) == [
        (1.0, None), (1.5, None), (None, "null_marker"), (None, "unparseable"), (None, None),
    ]  # fmt: skip


def test_a_part_by_pattern_or_nothing() -> None:
    expression = {"column": "c", "regex": r"#\s*(.+)$"}
    assert read("unit_number", expression, ["1 MAIN ST # 4B ", "1 MAIN ST", "X #"]) == [
        ("4B", None),
        (None, None),
        (None, None),
    ]
    assert read("sale_price_usd", {"column": "c", "regex": r"^\$(.+)$"}, ["$5.10"]) == [(Decimal("5.10"), None)]


@pytest.mark.parametrize(
    ("thousands", "cells", "values"),
    [
        (",", ["1,234.50", "12,345", "7", "1,23", "1234,567"], [1234.5, 12345.0, 7.0, None, None]),
        (".", ["1.234,50", "0,5", "12.345", "1.5"], [1234.5, 0.5, 12345.0, None]),
        ("'", ["1'234"], [1234.0]),
        (" ", ["1 234.5", "12 34"], [1234.5, None]),
    ],
)
def test_separators_of_thousands_are_read_where_they_are_declared(
    thousands: str, cells: list[str], values: list[Any]
) -> None:
    rows = read("lot_size_sqft", {"column": "c", "thousands": thousands}, list(cells))
    assert rows == [(value, None if value is not None else "unparseable") for value in values]


def test_units() -> None:
    ((area, _),) = read("lot_size_sqft", {"column": "c", "unit": {"from": "m2", "to": "sqft"}}, ["100"])
    assert area == pytest.approx(1076.391041670972)
    ((acres, _),) = read("lot_size_sqft", {"column": "c", "unit": {"from": "acre", "to": "sqft"}}, ["2"])
    assert acres == pytest.approx(87_120)
    assert read("sale_price_usd", {"column": "c", "unit": {"from": "kusd", "to": "usd"}}, ["1.2345"]) == [
        (Decimal("1234.50"), None)
    ]
    assert read("lot_size_sqft", {"column": "c", "unit": {"from": "acre", "to": "sqft"}, "max": 50_000}, ["2"]) == [
        (None, "out_of_bounds")
    ]


def test_sums() -> None:
    expression = {"sum": "c + 0.5*half", "nulls": [-1]}
    rows = read("bathrooms_total", expression, ["2", "", "-1", "x", "1"], half=["1", "1", "1", "-1", "1.0"])
    assert rows == [(2.5, None), (None, None), (None, "null_marker"), (None, "unparseable"), (1.5, None)]
    assert read("bedrooms_total", {"sum": "c + half"}, ["2", "1"], half=["1", "0.5"]) == [
        (3, None),
        (None, "unparseable"),
    ]
    assert read("lot_size_sqft", {"sum": "2*c - 1"}, ["3"]) == [(5.0, None)]


@given(st.lists(st.tuples(*[st.decimals(-(10**9), 10**9, allow_nan=False, places=2)] * 2), min_size=1, max_size=5))
@settings(deadline=None)
def test_sums_of_money_are_exact(pairs: list[tuple[Decimal, Decimal]]) -> None:
    rows = read(
        "assessed_total_value_usd",
        {"sum": "c + building"},
        [str(a) for a, _ in pairs],
        building=[str(b) for _, b in pairs],
    )
    assert rows == [(a + b, None) for a, b in pairs]


def test_the_first_that_is_not_null() -> None:
    expression = {"first": [{"column": "c", "nulls": ["-"]}, "other", {"constant": "none"}]}
    assert read("zoning", expression, ["a", "-", ""], other=["x", "y", ""]) == [
        ("a", None),
        ("y", None),
        ("none", None),
    ]
    expression = {"first": [{"column": "c", "nulls": [0]}, "other"]}
    assert read("year_built", expression, ["0", "x", "x"], other=["", "1990", ""]) == [
        (None, "null_marker"), (1990, None), (None, "unparseable"),
    ]  # fmt: skip


@pytest.mark.parametrize("record_type", FIELDS)
def test_a_frame_has_the_fields_of_its_record_type_in_order(record_type: RecordType) -> None:
    name = next(f.name for f in FIELDS[record_type] if f.pg_type == "text" and f.name != "county_fips")
    layout = Layout.model_validate(
        {"record_type": record_type, "format": "csv", "encoding": "utf-8", "delimiter": ",", "crs": None, "layer": None,
         "null_markers": (), "columns": {name: "c"}}
    )  # fmt: skip
    frame, _ = map_records(pl.DataFrame({"c": ["x"]}), pl.Series([7]), layout, ["25017", "25021"])
    assert frame.columns == ["record_no", *(f.name for f in FIELDS[record_type]), "null_reasons"]
    for field in FIELDS[record_type]:
        assert frame.schema[field.name] == dtype_of(family_of(field.pg_type))
    if "county_fips" in frame.columns:
        assert frame["county_fips"].to_list() == [None], "with two counties it takes a mapping"


def test_no_rows_are_no_trouble() -> None:
    assert read("sale_price_usd", {"sum": "c + half", "min": 0}, [], half=[]) == []
    assert read("stories", {"column": "c", "values": {"one": 1}, "max": 3}, []) == []

"""The auditor's second rules, on cases worked out by hand."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditor import minutes
from auditor.addresses import standardize
from auditor.changes import agree, text_of
from auditor.columns import ColumnMap, Statement
from auditor.comparing import agrees
from auditor.drawing import sizes
from auditor.hazard_scale import Scale, composite
from auditor.identity import Keys, identify, property_id
from auditor.market import median
from auditor.owners import owner_key
from auditor.row_checks import PREDICATES, Record
from auditor.sales import a_year_after
from auditor.shapes import ground_area_m2, polygon_of


def read(field: str, expression: Any, **more: Any) -> Statement:
    cells = more.pop("cells")
    entry = {"columns": {field: expression}, "files": [{}], **more}
    return ColumnMap(entry).read(field, cells)


class TestColumns:
    @pytest.mark.parametrize(
        ("expression", "text", "value", "reason"),
        [
            ("A", " x ", " x ", None),
            ("A", "  ", None, "blank_in_source"),
            ({"column": "A", "nulls": ["-"]}, " - ", None, "null_marker"),
            ({"column": "A", "regex": r"#\s*(.+)$"}, "1 MAIN ST # 4", "4", None),
            ({"column": "A", "regex": r"#\s*(.+)$"}, "1 MAIN ST", None, "blank_in_source"),
            ({"column": "A", "values": {"x": "y"}}, "z", None, "unparseable"),
            ({"constant": "MA"}, "", "MA", None),
        ],
    )
    def test_texts(self, expression: Any, text: str, value: str | None, reason: str | None) -> None:
        assert read("city", expression, cells={"A": text}) == Statement(value, reason)

    @pytest.mark.parametrize(
        ("field", "expression", "text", "value", "reason"),
        [
            ("year_built", {"column": "A", "nulls": [0]}, "0.0", None, "null_marker"),
            ("year_built", {"column": "A", "min": 1630}, "1389", None, "out_of_bounds"),
            ("year_built", "A", "1389.5", None, "unparseable"),
            ("year_built", "A", "1e3", None, "unparseable"),
            ("stories", "A", ".5", 0.5, None),
            ("stories", "A", "nan", None, "unparseable"),
            ("sale_price_usd", "A", "0.125", Decimal("0.13"), None),
            ("sale_price_usd", "A", "-0.125", Decimal("-0.13"), None),
            ("sale_price_usd", "A", "1,234.50", None, "unparseable"),
            ("sale_price_usd", {"column": "A", "thousands": ","}, "1,234.50", Decimal("1234.50"), None),
            ("sale_price_usd", {"column": "A", "thousands": "."}, "1.234,50", Decimal("1234.50"), None),
            ("sale_price_usd", {"column": "A", "thousands": ","}, "12,34", None, "unparseable"),
            ("lot_size_sqft", {"column": "A", "unit": {"from": "acre", "to": "sqft"}}, "2", 87120.0, None),
            ("is_waterfront", "A", "Yes", True, None),
            ("is_waterfront", "A", "maybe", None, "unparseable"),
            ("sale_date", {"column": "A", "date": "%m/%d/%Y"}, "7/5/2005", dt.date(2005, 7, 5), None),
            ("sale_date", {"column": "A", "date": ["%Y", "%m/%d/%Y"]}, "2/30/2005", None, "unparseable"),
            (
                "sale_date",
                {"column": "A", "date": "%m/%d/%Y", "nulls": ["1/1/1900"]},
                "01/01/1900",
                None,
                "null_marker",
            ),
        ],
    )
    def test_values(self, field: str, expression: Any, text: str, value: Any, reason: str | None) -> None:
        assert read(field, expression, cells={"A": text}) == Statement(value, reason)

    def test_sums_weigh_their_columns_and_are_null_as_soon_as_one_is(self) -> None:
        expression = {"sum": "A + 0.5*`B b` - 1"}
        assert read("bathrooms_total", expression, cells={"A": "2", "B b": "1"}).value == 1.5
        assert read("bathrooms_total", expression, cells={"A": "2", "B b": ""}).reason == "blank_in_source"

    def test_the_first_that_is_not_null(self) -> None:
        expression = {"first": ["A", {"column": "B"}]}
        assert read("heating_type", expression, cells={"A": " ", "B": "Gas"}).value == "Gas"

    def test_a_file_may_leave_a_column_out(self) -> None:
        entry = {"columns": {"city": "A"}, "files": [{"columns": {"city": None}}]}
        assert ColumnMap(entry).read("city", {"A": "x"}) == Statement(None, "not_in_source")


def keys(*records: dict[str, Any]) -> list[Keys]:
    named = {"county": "25017", "parcel": None, "unit": None, "account": None, "building": None, "address": None}
    return [Keys(number, **{**named, **record}) for number, record in enumerate(records)]


class TestIdentity:
    def test_known_ids(self) -> None:
        assert property_id("25017", "7-18", "") == uuid.UUID("2b9ff230-cd54-5b89-9229-a9331ac6a199")
        assert property_id("25017", "A|B", "") != property_id("25017", "A", "B|")

    def test_buildings_of_an_account_are_one_property_described_by_the_lowest_number(self) -> None:
        (one,) = identify(
            keys({"parcel": "1", "account": "x", "building": 2}, {"parcel": "1", "account": "X ", "building": 1}),
            lists_events=False,
        )
        assert (one.records, one.basis) == ([1, 0], "account")

    def test_rivals_take_the_address_and_what_it_does_not_tell_apart_has_no_identity(self) -> None:
        found = identify(
            keys(
                {"parcel": "1", "address": "1 Main Street"},
                {"parcel": "1", "address": "2 Main St"},
                {"parcel": "1", "address": "2 MAIN STREET"},
                {"parcel": "1"},
                {"parcel": " "},
            ),
            lists_events=False,
        )
        assert [(one.records, one.basis) for one in found] == [([0], "parcel_unit_address")]
        assert found[0].property_id == property_id("25017", "1", "", "1 MAIN ST")

    def test_an_account_on_two_parcels_has_no_identity(self) -> None:
        assert (
            identify(keys({"parcel": "1", "account": "x"}, {"parcel": "2", "account": "x"}), lists_events=False) == []
        )

    def test_sales_of_one_parcel_are_events_of_one_property(self) -> None:
        twice = keys({"parcel": "1"}, {"parcel": "1"})
        assert [one.records for one in identify(twice, lists_events=True)] == [[0, 1]]


@pytest.mark.parametrize(
    ("text", "line", "key", "status"),
    [
        ("94.5-96 Gore St #1A", "94 1/2-96 GORE ST # 1A", "94 1/2-96 GORE ST", "standardized"),
        ("42 R MONSIGNOR OBRIEN HWY", "42R MONSIGNOR OBRIEN HWY", "42R MONSIGNOR OBRIEN HWY", "standardized"),
        ("675 W KENDALL ST", "675 W KENDALL ST", "675 W KENDALL ST", "standardized"),
        ("REAR 65 MT AUBURN ST", "65 MT AUBURN ST REAR", "65 MT AUBURN ST", "standardized"),
        ("00015 First Street", "15 FIRST ST", "15 1ST ST", "standardized"),
        ("126 OXFORD ST PSC", "126 OXFORD ST PSC", "126 OXFORD ST PSC", "partial"),
        ("394(390) WASHINGTON ST", "394 WASHINGTON ST", "394 WASHINGTON ST", "partial"),
        ("0 ARROW ST #2", "ARROW ST # 2", "ARROW ST", "partial"),
        ("1 KENDALL SQ-2200", "1 KENDALL SQ # 2200", "1 KENDALL SQ", "standardized"),
        ("158 ELM ST NORTH #1", "158 ELM ST N # 1", "158 ELM ST N", "standardized"),
        ("108 1/2 ELM ST #1/2", "108 1/2 ELM ST # 1/2", "108 1/2 ELM ST", "standardized"),
        (" ", None, None, "unparsed"),
    ],
)
def test_addresses(text: str, line: str | None, key: str | None, status: str) -> None:
    read_address = standardize(text)
    assert (read_address.line, read_address.key, read_address.status) == (line, key, status)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("CAMBRIDGE, CITY OF", "CITY OF CAMBRIDGE"),
        ("Acme Holdings, L.L.C.", "ACME HOLDINGS LLC"),
        ("The Birch & Sons Limited Liability Company", "BIRCH AND SONS LLC"),
        ("NORTHEASTERN CONFERENCE CORPORATION OF", "NORTHEASTERN CONFERENCE CORP OF"),
        ("O'Brien Limited Partnership", "OBRIEN LP"),
    ],
)
def test_owner_keys(name: str, key: str) -> None:
    assert owner_key(name) == key


def test_zones_rank_mapped_before_unscored_before_minimal() -> None:
    seed = [
        {"peril": "flood", "fld_zone": zone, "zone_subty": None, "score": score, "annual_probability": None}
        for zone, score in (("AE", 0.8), ("X", 0.05), ("D", None))
    ]
    scale = Scale(seed)
    assert scale.weight("flood", "AE", None) > scale.weight("flood", "D", None) > scale.weight("flood", "X", None)
    assert scale.of("flood", "D", None).null_reason == "zone_undetermined"
    assert scale.of("flood", "Q", None).null_reason == "zone_not_on_scale"
    assert composite({"flood": 0.95, "wildfire": 0.125, "heat": 0.0}).score == pytest.approx(0.43)
    assert composite({"flood": None, "heat": 0.5}).null_reason == "unknown_peril: flood, wildfire"


def test_a_year_after_the_29th_of_february_is_the_last_of_that_month() -> None:
    assert a_year_after(dt.date(2016, 2, 29)) == dt.date(2017, 2, 28)
    assert a_year_after(dt.date(2014, 5, 2)) == dt.date(2015, 5, 2)


def test_medians_are_of_the_two_in_the_middle() -> None:
    assert median([Decimal(3), Decimal(1), Decimal("2.01")]) == Decimal("2.01")
    assert median([Decimal(1), Decimal("2.01")]) == Decimal("1.51")
    assert median([]) is None


def test_changes_compare_what_values_are() -> None:
    assert agree(12479.0, 12478.9999752, "double precision", 0.01)
    assert agree(" a  b", "A B", "text", 0)
    assert not agree(Decimal(100), Decimal("105.01"), "numeric(14,2)", 0.05)
    assert [text_of(v) for v in (1000.0, 2.5, True, dt.date(2005, 7, 5), None)] == [
        "1000",
        "2.5",
        "true",
        "2005-07-05",
        None,
    ]


@pytest.mark.parametrize(
    ("check", "record", "fails"),
    [
        ("assessed_total_is_the_sum_of_its_parts", (300, 100, 199), False),
        ("assessed_total_is_the_sum_of_its_parts", (300, 100, 190), True),
        ("assessed_total_is_the_sum_of_its_parts", (300, None, 190), False),
    ],
)
def test_row_checks_of_values(check: str, record: tuple[Any, ...], fails: bool) -> None:
    names = ("assessed_total_value_usd", "assessed_land_value_usd", "assessed_improvement_value_usd")
    assert PREDICATES[check](Record(dict(zip(names, record, strict=True)).get)) is fails


def test_an_unknown_record_fails_no_check() -> None:
    assert not any(predicate(Record(lambda _: None)) for predicate in PREDICATES.values())


def test_areas_are_of_the_ground_and_a_point_is_no_ring() -> None:
    ring = [[-71.0, 42.0], [-70.999, 42.0], [-70.999, 42.001], [-71.0, 42.001], [-71.0, 42.0]]
    shape, repaired = polygon_of({"type": "MultiPolygon", "coordinates": [[ring], [[[-71.0, 42.0]]]]})
    assert shape is not None
    assert not repaired
    assert ground_area_m2(shape) == pytest.approx(82.85 * 111.07, rel=0.002)
    crossed = [[0, 0], [1, 1], [1, 0], [0, 1], [0, 0]]
    assert polygon_of({"type": "Polygon", "coordinates": [crossed]})[1]


def test_null_agrees_with_null_only_and_numbers_to_nine_digits() -> None:
    assert agrees(None, None, "text")
    assert not agrees(None, "", "text")
    assert not agrees(Decimal("1.00"), Decimal("1.01"), "numeric(14,2)")
    assert agrees(0.1 + 0.2, 0.3, "double precision")
    assert not agrees(1.0, 1.00001, "double precision")
    assert not agrees(True, None, "boolean")


class TestBound:
    def test_of_the_design(self) -> None:
        assert minutes.upper_bound(0, 598) == pytest.approx(1 - 0.05 ** (1 / 598), rel=1e-6)
        assert minutes.bound_in_words(0, 3000).endswith("lies below 0.1 % (95 % confidence)")
        assert minutes.upper_bound(0, 0) == 1.0

    @given(st.integers(1, 400), st.data())
    def test_more_wrong_cells_allow_a_larger_share(self, cells: int, data: st.DataObject) -> None:
        wrong = data.draw(st.integers(0, cells - 1))
        assert wrong / cells < minutes.upper_bound(wrong, cells) <= minutes.upper_bound(wrong + 1, cells)


@given(
    st.dictionaries(
        st.tuples(*[st.text("ab", max_size=2)] * 3), st.tuples(st.integers(1, 9), st.integers(0, 50)), min_size=1
    ),
    st.integers(1, 300),
)
def test_strata_give_what_they_have_and_together_what_is_asked(drawn: dict[Any, tuple[int, int]], cells: int) -> None:
    room = {name: columns * rows for name, (columns, rows) in drawn.items()}
    given_cells = sizes({name: columns for name, (columns, _) in drawn.items()}, room, cells)
    assert all(0 <= given_cells[name] <= room[name] for name in room)
    assert all(given_cells[name] >= 1 for name in room if room[name])
    assert sum(given_cells.values()) >= min(cells, sum(room.values()))

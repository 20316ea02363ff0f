"""Which records are one property: the id, its normal form, and the rules over the records of one file."""

from __future__ import annotations

import csv
import re
import uuid
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.identity import (
    NAMESPACE,
    FileRecords,
    Identities,
    PropertyKey,
    assign_property_ids,
    identity_name,
    normal_parcel_number,
    property_id,
)

MIDDLESEX = "25017"


def records(*rows: dict[str, object]) -> FileRecords:
    """Records of Middlesex County, numbered from 0; a column that a row does not name is null."""

    def column(name: str) -> list:  # type: ignore[type-arg]
        return [row.get(name) for row in rows]

    return FileRecords(
        record_no=range(len(rows)),
        county_fips=[MIDDLESEX] * len(rows),
        parcel_number=column("parcel"),
        unit_number=column("unit"),
        account_number=column("account"),
        building_number=column("building"),
        address_key=column("address"),
    )


def rules(outcome: Identities) -> list[tuple[int, str]]:
    return [(rejection.record_no, rejection.rule) for rejection in outcome.rejections]


class TestPropertyId:
    def test_is_the_uuid5_of_the_normal_name_so_that_sql_can_compute_it_too(self) -> None:
        expected = uuid.uuid5(NAMESPACE, "25017|145-29|4")
        assert property_id(MIDDLESEX, "145-29", "4") == expected

    def test_never_changes(self) -> None:
        assert str(NAMESPACE) == "6f3c1e52-0b7d-4c0a-9a54-2f8f0f6f4d11"
        assert str(property_id(MIDDLESEX, "7-18")) == "2b9ff230-cd54-5b89-9229-a9331ac6a199"
        assert str(property_id(MIDDLESEX, "102-86", None, "171 HAMILTON ST")) == "c1638477-fd60-56f9-99a7-3915353aa6ba"

    def test_ignores_case_and_white_space(self) -> None:
        assert property_id(MIDDLESEX, " 12a -  7\t", "b  1") == property_id(MIDDLESEX, "12A - 7", " B 1 ")

    def test_no_unit_is_the_empty_unit(self) -> None:
        assert property_id(MIDDLESEX, "7-18", None) == property_id(MIDDLESEX, "7-18", "  ")

    @pytest.mark.parametrize("parcel", [None, "", "  \t"])
    def test_needs_a_parcel(self, parcel: str | None) -> None:
        with pytest.raises(ValueError, match="parcel number"):
            property_id(MIDDLESEX, parcel)

    @pytest.mark.parametrize("county", ["2501", "250170", "25O17", "", "٢٥٠١٧"])
    def test_needs_a_five_digit_county(self, county: str) -> None:
        with pytest.raises(ValueError, match="five digits"):
            property_id(county, "7-18")

    def test_a_separator_inside_a_part_cannot_imitate_another_key(self) -> None:
        assert property_id(MIDDLESEX, "A|B", "") != property_id(MIDDLESEX, "A", "B|")
        assert property_id(MIDDLESEX, "A", "B", "C") != property_id(MIDDLESEX, "A", "B|C")

    @given(
        st.tuples(*[st.text(alphabet="AB |", max_size=4)] * 2), st.tuples(*[st.text(alphabet="AB |", max_size=4)] * 2)
    )
    def test_different_keys_have_different_names(self, one: tuple[str, str], other: tuple[str, str]) -> None:
        keys = [
            PropertyKey(MIDDLESEX, normal_parcel_number(p) or "", normal_parcel_number(u) or "")
            for p, u in (one, other)
        ]
        assert (identity_name(keys[0]) == identity_name(keys[1])) == (keys[0] == keys[1])


def test_normal_parcel_number_of_blank_is_null() -> None:
    assert normal_parcel_number(" 1a \n 2 ") == "1A 2"
    assert normal_parcel_number("  ") is None
    assert normal_parcel_number(None) is None


class TestOneFile:
    def test_a_record_alone_on_its_parcel_needs_no_address(self) -> None:
        outcome = assign_property_ids(records({"parcel": "7-18", "address": "219 MONSIGNOR OBRIEN HWY"}))
        assert outcome.property_ids == [property_id(MIDDLESEX, "7-18")]
        assert outcome.uses_address == [False]
        assert outcome.is_primary == [True]

    def test_buildings_of_one_account_are_one_property_described_by_the_first_building(self) -> None:
        outcome = assign_property_ids(
            records(
                {"parcel": "1-1", "account": "1472", "building": 3},
                {"parcel": "1-1", "account": "1472", "building": 1},
                {"parcel": "1-1", "account": " 1472 ", "building": 2},
            )
        )
        assert set(outcome.property_ids) == {property_id(MIDDLESEX, "1-1")}
        assert outcome.is_primary == [False, True, False]
        assert outcome.property_count == 1

    def test_the_first_building_gives_unit_and_parcel_to_the_account(self) -> None:
        outcome = assign_property_ids(
            records(
                {"parcel": None, "account": "9", "building": 2},
                {"parcel": "1-1", "unit": "A", "account": "9", "building": 1},
            )
        )
        assert outcome.property_ids == [property_id(MIDDLESEX, "1-1", "A")] * 2
        assert outcome.keys[0] == PropertyKey(MIDDLESEX, "1-1", "A")

    def test_an_account_on_two_parcels_is_refused_whole(self) -> None:
        outcome = assign_property_ids(records({"parcel": "1-1", "account": "9"}, {"parcel": "1-2", "account": "9"}))
        assert outcome.property_ids == [None, None]
        assert rules(outcome) == [(0, "identity_collision"), (1, "identity_collision")]
        assert outcome.rejections[0].column_name == "account_number"
        assert outcome.rejections[0].value == "9"

    def test_rivals_take_the_address_as_fourth_part(self) -> None:
        outcome = assign_property_ids(
            records({"parcel": "102-86", "address": "209 PEARL ST"}, {"parcel": "102-86", "address": "171 HAMILTON ST"})
        )
        assert outcome.property_ids == [
            property_id(MIDDLESEX, "102-86", None, "209 PEARL ST"),
            property_id(MIDDLESEX, "102-86", None, "171 HAMILTON ST"),
        ]
        assert outcome.uses_address == [True, True]

    def test_what_the_address_does_not_tell_apart_is_refused_and_the_rest_is_kept(self) -> None:
        outcome = assign_property_ids(
            records(
                {"parcel": "102-86", "address": "209 PEARL ST"},
                {"parcel": "102-86", "address": "171 HAMILTON ST"},
                {"parcel": "102-86", "address": "209  pearl st"},
            )
        )
        assert outcome.property_ids[1] == property_id(MIDDLESEX, "102-86", None, "171 HAMILTON ST")
        assert rules(outcome) == [(0, "identity_collision"), (2, "identity_collision")]
        assert "same parcel, unit and address" in outcome.rejections[0].message

    def test_a_rival_without_address_is_refused_even_where_it_is_alone(self) -> None:
        outcome = assign_property_ids(records({"parcel": "1-1"}, {"parcel": "1-1", "address": "1 A ST"}))
        assert rules(outcome) == [(0, "identity_collision")]
        assert "no address" in outcome.rejections[0].message
        assert outcome.property_ids[1] is not None

    def test_two_accounts_of_one_unit_are_rivals_however_many_rows_each_has(self) -> None:
        outcome = assign_property_ids(
            records(
                {"parcel": "1-1", "account": "1", "address": "1 A ST"},
                {"parcel": "1-1", "account": "1", "address": "1 A ST REAR"},
                {"parcel": "1-1", "account": "2", "address": "2 A ST"},
            )
        )
        assert outcome.property_count == 2
        assert outcome.property_ids[0] == outcome.property_ids[1] == property_id(MIDDLESEX, "1-1", None, "1 A ST")

    def test_blank_and_placeholder_parcel_numbers_have_no_identity(self) -> None:
        outcome = assign_property_ids(
            records({"parcel": " "}, {"parcel": "road"}, {"parcel": "1-1"}, {"parcel": "--MD"}),
            placeholder_parcel_numbers=["ROAD", "---", "--md"],
        )
        assert rules(outcome) == [(0, "no_parcel_number"), (1, "no_parcel_number"), (3, "no_parcel_number")]
        assert outcome.rejections[1].value == "road"
        assert outcome.rejections[0].message != outcome.rejections[1].message

    def test_sales_of_one_parcel_are_events_of_one_property_only_when_the_source_says_so(self) -> None:
        sold_twice = records({"parcel": "7129300520"}, {"parcel": "7129300520"}, {"parcel": "1"})
        assert assign_property_ids(sold_twice, repeats_are_events=True).property_count == 2
        assert not assign_property_ids(sold_twice, repeats_are_events=True).rejections
        assert len(assign_property_ids(sold_twice).rejections) == 2

    def test_columns_of_different_length_are_refused(self) -> None:
        with pytest.raises(ValueError, match="differ in length"):
            FileRecords([0], [MIDDLESEX], [], [None], [None], [None], [None])

    @given(
        st.lists(
            st.fixed_dictionaries(
                {
                    "parcel": st.sampled_from([None, "1-1", "1-2", "ROAD"]),
                    "unit": st.sampled_from([None, "1", "A"]),
                    "account": st.sampled_from([None, "7", "8"]),
                    "building": st.sampled_from([None, 1, 2]),
                    "address": st.sampled_from([None, "1 A ST", "2 A ST"]),
                }
            ),
            max_size=12,
        ),
        st.booleans(),
    )
    def test_every_record_has_an_id_or_a_reason_and_every_property_one_primary(
        self, rows: list[dict[str, object]], events: bool
    ) -> None:
        outcome = assign_property_ids(records(*rows), placeholder_parcel_numbers=["ROAD"], repeats_are_events=events)
        refused = {rejection.record_no for rejection in outcome.rejections}
        assert len(refused) == len(outcome.rejections)
        assert [identity is None for identity in outcome.property_ids] == [no in refused for no in range(len(rows))]
        primaries = [i for i, primary in zip(outcome.property_ids, outcome.is_primary, strict=True) if primary]
        assert Counter(primaries) == Counter({i for i in outcome.property_ids if i is not None})
        for identity in set(primaries):
            members = [row for row, i in zip(rows, outcome.property_ids, strict=True) if i == identity]
            assert len({row["account"] for row in members}) == 1
            if not events and members[0]["account"] is None:
                assert len(members) == 1


class TestRealFiles:
    """Known answers of the published files; the street text stands in for the address key."""

    @staticmethod
    def roll(path: Path) -> FileRecords:
        with path.open(newline="") as file:
            rows = [row for row in csv.DictReader(file) if row]
        locations = [row["Location"] for row in rows]
        units = [re.search(r"#(.*)$", location) for location in locations]
        return FileRecords(
            record_no=range(len(rows)),
            county_fips=[MIDDLESEX] * len(rows),
            parcel_number=[row["ML"] for row in rows],
            unit_number=[unit.group(1) if unit else None for unit in units],
            account_number=[None] * len(rows),
            building_number=[None] * len(rows),
            address_key=[location.split("#")[0] for location in locations],
        )

    def test_cambridge_fy2014(self, test_data: Path) -> None:
        outcome = assign_property_ids(self.roll(test_data / "cambridge/tax_fy14.csv"))
        assert len(outcome.property_ids) == 27_528
        assert Counter(r.rule for r in outcome.rejections) == {"identity_collision": 125, "no_parcel_number": 1}
        assert sum(outcome.uses_address) == 113  # with the 125: the 238 rows that share parcel and unit
        assert outcome.property_count == 27_402

    def test_cambridge_fy2013(self, test_data: Path) -> None:
        outcome = assign_property_ids(self.roll(test_data / "cambridge/tax_fy13.csv"))
        assert len(outcome.property_ids) == 27_424
        assert Counter(r.rule for r in outcome.rejections) == {"identity_collision": 131, "no_parcel_number": 5}

    def test_cambridge_fy2025_accounts(self, test_data: Path) -> None:
        with (test_data / "cambridge/property_database_fy2025.csv").open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
        outcome = assign_property_ids(
            FileRecords(
                record_no=range(len(rows)),
                county_fips=[MIDDLESEX] * len(rows),
                parcel_number=[row["GISID"] for row in rows],
                unit_number=[row["Unit"] for row in rows],
                account_number=[row["PID"] for row in rows],
                building_number=[int(row["BldgNum"]) for row in rows],
                address_key=[row["Address"] for row in rows],
            )
        )
        assert len(rows) == 1_000
        assert outcome.property_count == 966
        assert not outcome.rejections

    def test_king_county_sales(self, test_data: Path) -> None:
        with (test_data / "king_county/kc_house_data.csv").open(newline="") as file:
            ids = [row["id"] for row in csv.DictReader(file)]
        nulls = [None] * len(ids)
        sales = FileRecords(range(len(ids)), ["53033"] * len(ids), ids, nulls, nulls, nulls, nulls)
        outcome = assign_property_ids(sales, repeats_are_events=True)
        assert len(ids) == 21_613
        assert outcome.property_count == 21_436
        assert not outcome.rejections

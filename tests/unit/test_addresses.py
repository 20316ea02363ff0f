"""The Publication 28 form of addresses: the publication's own examples, the shapes of real rolls, and odd input."""

from __future__ import annotations

import csv
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.addresses import PARSER, StandardAddress, address_key, parser_version, standardize
from real_estate_assets.core.identity import FileRecords, assign_property_ids


def one(text: str | None, unit: str | None = None) -> StandardAddress:
    return standardize([text], city="Cambridge", state="MA", units=[unit])[0]


# Section numbers are those of USPS Publication 28, Postal Addressing Standards.
PUBLICATION_28 = {
    "101 Main St Apt 12": "101 MAIN ST APT 12",  # 213
    "5800 Springfield Gardens Cir Ste 200": "5800 SPRINGFIELD GARDENS CIR STE 200",
    "425 FLOWER BOULEVARD # 72": "425 FLOWER BLVD # 72",  # 213.2, the pound sign
    "123 Main St Rear": "123 MAIN ST REAR",  # 213.1, a designator that stands alone
    "1 NORTH BAY STREET": "1 N BAY ST",  # 233.1, a direction before the name
    "100 WEST BAY DRIVE WEST": "100 W BAY DR W",
    "1201 BROAD STREET EAST": "1201 BROAD ST E",  # 233.2, a direction after the suffix
    "123 NORTH WEST STREET": "123 NORTH WEST ST",  # 233.3, one of two directions is the name
    "789 MAIN AVENUE DRIVE": "789 MAIN AVENUE DR",  # 234, two suffixes: the last one is abbreviated
    "4513 3RD STREET CIRCLE WEST": "4513 3RD STREET CIR W",
    "100 SEVENTH STREET": "100 SEVENTH ST",  # 235, ordinals stay as they are written
    "100 7TH ST": "100 7TH ST",
    "2454 HIGHWAY 101": "2454 HIGHWAY 101",  # 237 and appendix F
    "4092 KY STATE HIGHWAY 625": "4092 KY STATE HIGHWAY 625",
    "112-10 BRONX ROAD": "112-10 BRONX RD",  # appendix D1, hyphenated numbers
    "842 E 1700 S": "842 E 1700 S",  # appendix D2, grids
    "N6W23001 BLUEMOUND ROAD": "N6W23001 BLUEMOUND RD",  # appendix D3, grid letters in the number
    "123 1/2 MAIN STREET": "123 1/2 MAIN ST",  # appendix D4, fractions
}

# What the Cambridge rolls and their kind write, and its Publication 28 line.
ROLLS = {
    "219 MONSIGNOR OBRIEN HWY": "219 MONSIGNOR OBRIEN HWY",
    "390-392 NORFOLK ST": "390-392 NORFOLK ST",
    "9 BELLIS CIR": "9 BELLIS CIR",
    "1 BROADWAY": "1 BROADWAY",
    "4-6 Kirkland Pl": "4-6 KIRKLAND PL",
    "4-6 CANAL PK #101": "4-6 CANAL PARK # 101",
    "20 ACORN PK DR": "20 ACORN PARK DR",
    "2 REED STREET TER": "2 REED STREET TER",
    "166A ELM ST N": "166A ELM ST N",
    "30 GRAY GDNS E": "30 GRAY GDNS E",
    "650 E KENDALL ST": "650 E KENDALL ST",
    "12 ST PAUL ST": "12 ST PAUL ST",
    "32  SECOND ST  #1": "32 SECOND ST # 1",
    "44.5 SPRING ST": "44 1/2 SPRING ST",
    "94.5-96 GORE ST #1A": "94 1/2-96 GORE ST # 1A",
    "36-36 1/2 TREMONT ST #36.5/1": "36-36 1/2 TREMONT ST # 36.5/1",
    "14 1/2- 16 1/2 WOODBRIDGE ST #161/2": "14 1/2-16 1/2 WOODBRIDGE ST # 161/2",
    "194-196-  WALDEN ST  #ONE": "194-196 WALDEN ST # ONE",
    "1-3-5 SPERIDAKIS TER #3": "1-3-5 SPERIDAKIS TER # 3",
    "63-65-65R OTIS ST #65R/1": "63-65-65R OTIS ST # 65R/1",
    "191R MONSIGNOR OBRIEN HWY": "191R MONSIGNOR OBRIEN HWY",
    "42 R MONSIGNOR OBRIEN HWY": "42R MONSIGNOR OBRIEN HWY",
    "21-29 R MT VERNON ST #2": "21-29R MT VERNON ST # 2",
    "12 A PLYMPTON ST": "12A PLYMPTON ST",
    "81AR TREMONT ST": "81AR TREMONT ST",
    "126-C OXFORD ST": "126-C OXFORD ST",
    "REAR 65 MT AUBURN ST": "65 MT AUBURN ST REAR",
    "31 MADISON ST   ST": "31 MADISON ST",
    "126 OXFORD ST PS1": "126 OXFORD ST # PS1",
    "1 KENDALL SQ-2200": "1 KENDALL SQ # 2200",
    "89-91 GORE ST #89/91#1": "89-91 GORE ST # 89/91#1",
    "3 ARLINGTON ST #3/51": "3 ARLINGTON ST # 3/51",
    "17 OTIS ST #PH": "17 OTIS ST PH",
    "0ONE WINTHROP SQ #ES1/5": "1 WINTHROP SQ # ES1/5",
    "1,200 O'Brien St., Unit #4": "1200 OBRIEN ST UNIT 4",
    "123½ Main St": "123 1/2 MAIN ST",
    "123 Main Street, Cambridge, MA 02139": "123 MAIN ST",
}


@pytest.mark.parametrize(("text", "line"), [*PUBLICATION_28.items(), *ROLLS.items()])
def test_line(text: str, line: str) -> None:
    address = one(text)
    assert address.usps_line == line
    assert (address.status, address.reason) == ("standardized", None)


@pytest.mark.parametrize(
    ("text", "line", "status", "reason"),
    [
        ("INDUSTRIAL PARK RD", "INDUSTRIAL PARK RD", "partial", "no_house_number"),
        ("MASSACHUSETTS AVE", "MASSACHUSETTS AVE", "partial", "no_house_number"),
        ("1ST ST", "1ST ST", "partial", "no_house_number"),
        ("39.2 RD", "39.2 RD", "partial", "no_house_number"),
        ("0 AMHERST ST", "AMHERST ST", "partial", "zero_house_number"),
        ("0REAR CONCORD AVE", "CONCORD AVE REAR", "partial", "zero_house_number"),
        ("394(390) WASHINGTON ST", "394 WASHINGTON ST", "partial", "ambiguous_house_number"),
        ("10 & 12 MAIN ST", "10 MAIN ST", "partial", "ambiguous_house_number"),
        ("126 OXFORD ST PSC", "126 OXFORD ST PSC", "partial", "unread_remainder"),
        ("P.O. Box 11890", "PO BOX 11890", "partial", "not_a_street_address"),
        ("RR 2 BOX 152", "RR 2 BOX 152", "partial", "not_a_street_address"),
        ("12345", None, "unparsed", "no_street"),
        ("---", None, "unparsed", "no_street"),
        ("# 4", None, "unparsed", "no_street"),
        ("  ", None, "unparsed", "blank"),
        (None, None, "unparsed", "blank"),
    ],
)
def test_what_is_not_a_whole_street_address_says_why(
    text: str | None, line: str | None, status: str, reason: str
) -> None:
    address = one(text)
    assert (address.usps_line, address.status, address.reason) == (line, status, reason)


def test_components() -> None:
    assert one("100 west bay drive west #b") == StandardAddress(
        house_number="100",
        street_predirectional="W",
        street_name="BAY",
        street_suffix="DR",
        street_postdirectional="W",
        unit_type="#",
        unit_number="B",
        usps_line="100 W BAY DR W # B",
        address_key="100 W BAY DR W",
        status="standardized",
        reason=None,
    )


@pytest.mark.parametrize("text", ["12 B ST", "100 K STREET NW", "123 E ST", "10 A AVENUE", "12 O HARA ST"])
def test_a_letter_that_belongs_to_the_street_stays_there(text: str) -> None:
    assert one(text).house_number == text.split()[0]


@pytest.mark.parametrize("text", ["LILAC CT", "12 LILAC CT", "AVON PL", "Main St", "MISSISSIPPI AVE", "9 Alma"])
def test_a_street_is_read_as_one_also_without_city_and_state(text: str) -> None:
    assert standardize([text])[0] == one(text)
    assert one(text).street_name


class TestUnits:
    def test_a_unit_column_counts_where_the_text_has_none(self) -> None:
        assert one("4-6 Kirkland Pl", "4").usps_line == "4-6 KIRKLAND PL # 4"
        assert one("4-6 Kirkland Pl #6", "4").unit_number == "6"
        assert one("4-6 Kirkland Pl", " ").unit_number is None
        assert one("4-6 Kirkland Pl", "penthouse").usps_line == "4-6 KIRKLAND PL PH"

    def test_a_designator_in_words_is_kept(self) -> None:
        address = one("123 Main St, Suite #200")
        assert (address.unit_type, address.unit_number) == ("STE", "200")

    def test_columns_of_different_length_are_refused(self) -> None:
        with pytest.raises(ValueError, match="differ in length"):
            standardize(["1 A ST"], units=[])


class TestKey:
    @pytest.mark.parametrize(
        ("one_source", "another"),
        [
            ("4-6 Kirkland Pl", "4-6 KIRKLAND PL #4"),
            ("10 Mount Auburn Street", "10 MT AUBURN ST"),
            ("44.5 Spring St", "44 1/2 SPRING ST #2"),
            ("8 Saint Paul Street", "8 ST PAUL ST"),
            ("60-68 First St", "60-68 1st Street"),
            ("1 West Bay Drive", "1 W BAY DR"),
            ("20 Acorn Pk Dr", "20 ACORN PARK DR"),
        ],
    )
    def test_spellings_of_one_address_agree(self, one_source: str, another: str) -> None:
        assert address_key(one_source) == address_key(another) is not None

    @pytest.mark.parametrize(
        ("one_source", "another"),
        [
            ("4-6 KIRKLAND PL", "4 KIRKLAND PL"),
            ("36 MADISON AVE", "36 MADISON ST"),
            ("1 N BAY ST", "1 S BAY ST"),
            ("194 PROSPECT ST", "194R PROSPECT ST"),
        ],
    )
    def test_different_addresses_differ(self, one_source: str, another: str) -> None:
        assert address_key(one_source) != address_key(another)

    def test_the_line_keeps_the_spelling_of_the_source(self) -> None:
        assert one("60 First St").usps_line == "60 FIRST ST"

    def test_no_address_has_no_key(self) -> None:
        assert address_key(" ") is None


@given(st.lists(st.text(max_size=60), max_size=5))
def test_any_text_gets_an_answer(texts: list[str]) -> None:
    for address in standardize(texts):
        assert (address.status == "standardized") == (address.reason is None)
        assert (address.usps_line is None) == (address.status == "unparsed")
        if address.status == "standardized":
            assert address.house_number
            assert address.street_name


@given(
    st.integers(1, 99999),
    st.sampled_from(["", "-{}", "R", "A", " 1/2", ".5"]),
    st.sampled_from(["MAIN ST", "MASSACHUSETTS AVE", "BROADWAY", "E KENDALL ST", "ELM ST N", "REED STREET TER"]),
    st.from_regex(r"\A( #[0-9]{1,3}[A-D]?(/[0-9]{1,2})?)?\Z"),
)
def test_the_line_of_a_line_is_itself(number: int, shape: str, street: str, unit: str) -> None:
    first = one(f"{number}{shape.format(number + 2)} {street}{unit}")
    assert first.status == "standardized"
    assert one(first.usps_line) == first


def test_the_version_names_the_library_and_our_rules() -> None:
    assert PARSER == "doorplate"
    assert parser_version() == "0.4.0+rules.1"


@pytest.fixture(scope="module")
def roll(test_data: Path) -> list[dict[str, str]]:
    with (test_data / "cambridge/tax_fy14.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def addresses(roll: list[dict[str, str]]) -> list[StandardAddress]:
    return standardize([row["Location"] for row in roll], city="Cambridge", state="MA")


class TestRealFiles:
    def test_every_location_of_fy2014_has_its_outcome(self, addresses: list[StandardAddress]) -> None:
        assert Counter((address.status, address.reason) for address in addresses) == {
            ("standardized", None): 27_421,
            ("partial", "no_house_number"): 96,  # land along a street, railways
            ("partial", "zero_house_number"): 7,
            ("partial", "unread_remainder"): 3,  # PUTNAM AVE NS twice, 126 OXFORD ST PSC
            ("partial", "ambiguous_house_number"): 1,
        }

    def test_every_unit_behind_a_pound_sign_is_found(
        self, roll: list[dict[str, str]], addresses: list[StandardAddress]
    ) -> None:
        for row, address in zip(roll, addresses, strict=True):
            _, _, unit = row["Location"].partition("#")
            if unit:
                assert address.unit_number == " ".join(unit.upper().split()) or address.unit_type in ("PH", "REAR")

    def test_lines_are_stable(self, addresses: list[StandardAddress]) -> None:
        lines = [address.usps_line for address in addresses]
        assert [again.usps_line for again in standardize(lines, city="Cambridge", state="MA")] == lines

    def test_it_tells_the_rivals_of_the_roll_apart(
        self, roll: list[dict[str, str]], addresses: list[StandardAddress]
    ) -> None:
        nulls = [None] * len(roll)
        outcome = assign_property_ids(
            FileRecords(
                record_no=range(len(roll)),
                county_fips=["25017"] * len(roll),
                parcel_number=[row["ML"] for row in roll],
                unit_number=[address.unit_number or address.unit_type for address in addresses],
                account_number=nulls,
                building_number=nulls,
                address_key=[address.address_key for address in addresses],
            )
        )
        assert Counter(rejection.rule for rejection in outcome.rejections) == {
            "identity_collision": 125,
            "no_parcel_number": 1,
        }

    def test_ten_thousand_a_second(self, roll: list[dict[str, str]]) -> None:
        texts = [row["Location"] for row in roll]
        started = time.process_time()
        standardize(texts, city="Cambridge", state="MA")
        assert len(texts) / (time.process_time() - started) > 10_000

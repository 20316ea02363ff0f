"""Standard addresses in batches: our grammar for numbers and units, doorplate for streets, a status for the outcome.

Belongs here: putting the parts together and judging the outcome. Does not belong here: the grammar of house numbers and
units (their own modules). A source has far fewer streets than addresses, so each distinct street text is parsed once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal, NamedTuple

from real_estate_assets.core.addresses.house_number import HouseNumber, split_house_number
from real_estate_assets.core.addresses.unit import split_unit, unit_parts

if TYPE_CHECKING:
    from doorplate import ParsedAddress

PARSER = "doorplate"
RULES_VERSION = 1  # of this package; raise it whenever any text may come out differently

Status = Literal["standardized", "partial", "unparsed"]
Reason = Literal[
    "blank",  # the source has no address
    "no_street",  # nothing that could be a street was found
    "not_a_street_address",  # a post office box, rural route or general delivery
    "no_house_number",  # a street without a number
    "zero_house_number",  # 0 stands for "no number"
    "ambiguous_house_number",  # two numbers are given, as in 394(390); the first was taken
    "unread_remainder",  # part of the text belongs to no component
]

_STAND_IN_NUMBER = "1"  # doorplate reads a street best with a number before it; ours is already split off
_POST_OFFICE_BOX = re.compile(r"(?:P ?O|POST OFFICE) ?BOX (?P<box>[A-Z0-9-]+)")
_JOINING_MARK = re.compile(r"(?<=\d),(?=\d{3}\b)|[.](?!\d)|[\"'`’]")  # 1,200 MAIN ST; P.O. BOX; O'BRIEN
_FRACTION_SIGNS = str.maketrans({"¼": " 1/4", "½": " 1/2", "¾": " 3/4"})
_SUFFIX = "ST|AVE|RD|DR|LN|CT|PL|BLVD|WAY|TER|CIR|HWY|PKWY|SQ|PARK"
_REPEATED_SUFFIX = re.compile(rf"\b({_SUFFIX}) \1$")
_SUFFIX_INSIDE_NAME = re.compile(rf"\S (?:{_SUFFIX}) \S{{1,3}}$")  # 126 OXFORD ST PSC: the tail is no part of the name
_PARK_IN_NAME = re.compile(r" PK$")  # not a Publication 28 abbreviation; ACORN PK DR is ACORN PARK DR elsewhere
# Spellings of one street name that two sources of a city write differently; folded in the key, never in the line.
_KEY_WORDS = {"MOUNT": "MT", "SAINT": "ST", "FORT": "FT", "FIRST": "1ST", "SECOND": "2ND", "THIRD": "3RD"}
_KEY_WORDS |= {"FOURTH": "4TH", "FIFTH": "5TH", "SIXTH": "6TH", "SEVENTH": "7TH", "EIGHTH": "8TH", "NINTH": "9TH"}
_KEY_WORDS |= {"TENTH": "10TH", "ELEVENTH": "11TH", "TWELFTH": "12TH"}


@dataclass(frozen=True, slots=True)
class StandardAddress:
    """One address in Publication 28 form. Components are upper case, abbreviated, null where absent.

    `usps_line` is the delivery address line, null only where nothing could be read. `address_key` compares addresses
    of one city: the line without its unit, which some sources write in a column of its own, and with words such as
    SAINT and FIRST in one spelling. `reason` is null for a
    standardized address.
    """

    house_number: str | None
    street_predirectional: str | None
    street_name: str | None
    street_suffix: str | None
    street_postdirectional: str | None
    unit_type: str | None
    unit_number: str | None
    usps_line: str | None
    address_key: str | None
    status: Status
    reason: Reason | None


class _Street(NamedTuple):
    number: str | None  # counts only where our grammar found none, as in N6W23001
    predirectional: str | None
    name: str | None
    suffix: str | None
    postdirectional: str | None
    unit_type: str | None
    unit_number: str | None
    other_line: str | None  # a rural route or general delivery, in words
    has_remainder: bool


class _Line(NamedTuple):
    number: HouseNumber
    street_text: str
    unit_type: str | None
    unit_number: str | None


_BLANK = StandardAddress(*(None,) * 9, status="unparsed", reason="blank")


@lru_cache(maxsize=1)
def parser_version() -> str:
    """Version of everything that decides the outcome: the library's and that of the rules here."""
    import doorplate

    return f"{doorplate.__version__}+rules.{RULES_VERSION}"


def standardize(
    texts: Sequence[str | None],
    *,
    city: str | None = None,
    state: str | None = None,
    units: Sequence[str | None] | None = None,
) -> list[StandardAddress]:
    """The Publication 28 form of each text, aligned with the input; a text that cannot be read is no error.

    `city` and `state` are those of the whole batch; they keep a city that is repeated in the text out of the street.
    `units` are units from a column of their own, used where the text itself has none. Raises ValueError where `units`
    and `texts` differ in length, and for a state that doorplate does not know.
    """
    if units is not None and len(units) != len(texts):
        raise ValueError(f"units and texts differ in length: {len(units)}, {len(texts)}")
    lines = [_line(text) for text in texts]
    streets = _parse_streets({_parse_key(line) for line in lines if line}, city, state)
    own_units = units if units is not None else (None,) * len(texts)
    return [
        _assemble(line, streets[_parse_key(line)], own_unit) if line else _BLANK
        for line, own_unit in zip(lines, own_units, strict=True)
    ]


def address_key(text: str | None, *, city: str | None = None, state: str | None = None) -> str | None:
    """The comparison key of one address; for many, take it from `standardize`."""
    return standardize([text], city=city, state=state)[0].address_key


def _line(text: str | None) -> _Line | None:
    cleaned = _cleaned(text) if text else ""
    if not cleaned:
        return None
    rest, unit_type, unit_number = split_unit(cleaned)
    number = split_house_number(rest.rstrip(" ,;"))
    if number.is_rear and unit_type is None:
        unit_type = "REAR"
    return _Line(number, _REPEATED_SUFFIX.sub(r"\1", number.rest), unit_type, unit_number)


def _cleaned(text: str) -> str:
    """Upper case, single spaces, fractions spelled; commas stay, because they tell doorplate where a part ends."""
    return " ".join(_JOINING_MARK.sub("", text.upper().translate(_FRACTION_SIGNS)).split())


def _parse_key(line: _Line) -> str:
    return f"{_STAND_IN_NUMBER} {line.street_text}" if line.number.number else line.street_text


def _parse_streets(texts: Iterable[str], city: str | None, state: str | None) -> dict[str, _Street]:
    streets = _parse(sorted(texts), city, state)
    # Without a number, LILAC CT reads as a city in Connecticut: what gave no street is read again with one.
    unread = [text for text, street in streets.items() if not (street.name or street.other_line) and text[:1].isalpha()]
    again = _parse([f"{_STAND_IN_NUMBER} {text}" for text in unread], city, state).values()
    streets |= {text: street._replace(number=None) for text, street in zip(unread, again, strict=True)}
    return streets


def _parse(texts: list[str], city: str | None, state: str | None) -> dict[str, _Street]:
    import doorplate

    count = len(texts)
    parsed = doorplate.parse_fields_many(line1=texts, city=[city] * count, state=[state] * count)
    return {text: _street(text, found) for text, found in zip(texts, parsed, strict=True)}


def _street(text: str, found: ParsedAddress | None) -> _Street:
    if box := _POST_OFFICE_BOX.fullmatch(text):
        return _Street(*(None,) * 7, other_line=f"PO BOX {box['box']}", has_remainder=False)
    if found is None or text == f"{_STAND_IN_NUMBER} ":
        return _Street(*(None,) * 8, has_remainder=True)
    highway = found.highway
    name = highway["name"] if highway else _PARK_IN_NAME.sub(" PARK", found.street_name or "") or None
    unread = bool(name and not highway and not found.street_suffix and _SUFFIX_INSIDE_NAME.search(name))
    return _Street(
        number=found.street_number,
        predirectional=found.street_dir_prefix,
        name=name,
        suffix=found.street_suffix,
        postdirectional=found.street_dir_suffix,
        unit_type=found.unit_type or ("#" if found.unit_number else None),
        unit_number=_joined(found.unit_number, found.second_unit_type, found.second_unit_number),
        other_line=None if name else found.to_usps()["line1"],
        has_remainder=unread or bool(found.unparsed),
    )


def _assemble(line: _Line, street: _Street, own_unit: str | None) -> StandardAddress:
    number = line.number.number or street.number
    unit_type, unit_number = _first_unit(
        (line.unit_type, line.unit_number), (street.unit_type, street.unit_number), unit_parts(own_unit)
    )
    ending = (street.suffix, street.postdirectional)
    if street.name:
        line_without_unit = _joined(number, street.predirectional, street.name, *ending)
        key = _joined(number, street.predirectional, _key_name(street.name), *ending)
    else:
        line_without_unit = key = street.other_line
    status, reason = _judgement(line, street, number)
    return StandardAddress(
        house_number=number if street.name else None,
        street_predirectional=street.predirectional,
        street_name=street.name,
        street_suffix=street.suffix,
        street_postdirectional=street.postdirectional,
        unit_type=unit_type,
        unit_number=unit_number,
        usps_line=_joined(line_without_unit, unit_type, unit_number) if line_without_unit else None,
        address_key=key,
        status=status,
        reason=reason,
    )


def _key_name(name: str) -> str:
    return " ".join(_KEY_WORDS.get(word, word) for word in name.split())


def _judgement(line: _Line, street: _Street, number: str | None) -> tuple[Status, Reason | None]:
    if not street.name:
        return ("partial", "not_a_street_address") if street.other_line else ("unparsed", "no_street")
    if street.has_remainder:
        return "partial", "unread_remainder"
    if number is None:
        return "partial", line.number.note or "no_house_number"
    if line.number.note == "ambiguous_house_number":
        return "partial", "ambiguous_house_number"
    return "standardized", None


def _first_unit(*units: tuple[str | None, str | None]) -> tuple[str | None, str | None]:
    return next((unit for unit in units if unit != (None, None)), (None, None))


def _joined(*parts: str | None) -> str | None:
    return " ".join(part for part in parts if part) or None

"""The house number at the head of an address line, as assessors write it, in Publication 28 spelling.

Belongs here: ranges, fractions, rear letters and the other shapes of primary numbers. Does not belong here: the
street and the unit (`standard.py`, `unit.py`). The general parser reads plain numbers well; this grammar exists
because rolls also write ``44.5-46``, ``21-29 R``, ``0`` or ``394(390)``, which it takes for parts of a street name.
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

NumberNote = Literal["no_house_number", "zero_house_number", "ambiguous_house_number"]


class HouseNumber(NamedTuple):
    """A line split at its house number. `number` is null where there is none; `note` says what is odd about it."""

    number: str | None
    rest: str
    note: NumberNote | None
    is_rear: bool


# One number: digits, a decimal or a fraction, up to two letters. '1ST' and '42ND' are street names, not numbers.
_ATOM = r"\d+(?:\.\d+)?(?:(?!ST\b|ND\b|RD\b|TH\b)[A-Z]{1,2}(?![A-Z]))?(?: \d/\d+)?(?!\d)"
_RANGE = rf"{_ATOM}(?: ?- ?{_ATOM})*(?:-[A-Z](?= ))?"
_SECOND_NUMBER = r"\(\d+\)|(?: ?[&/] ?| AND )\d+"
_NUMBER = re.compile(rf"(?P<number>{_RANGE})(?: ?-)?(?P<other>{_SECOND_NUMBER})?(?= |$)")
_REAR_FIRST = re.compile(r"REAR (?=\S+ \S)")
_ZERO = re.compile(r"0+(?:-0+)?(?= |[A-Z]{3,} )")
# 'R' is rear and 'A'..'C' number letters; N, S, E, W are directions and O, D, L start names such as O HARA.
_LOOSE_LETTER = re.compile(r" ([ABCR]) (?=\S+ \S)")
_SUFFIX = "ST|STREET|AVE|AVENUE|RD|ROAD|DR|DRIVE|LN|LANE|CT|COURT|PL|PLACE|BLVD|WAY|TER|CIR|HWY|PKWY|SQ|PARK"
_SUFFIX_NEXT = re.compile(rf"(?:{_SUFFIX})\b")
_DECIMAL_FRACTION = {".25": " 1/4", ".5": " 1/2", ".75": " 3/4"}
_DECIMAL = re.compile(r"(?<=\d)(\.(?:25|5|75))(?=$|-)")


def split_house_number(line: str) -> HouseNumber:
    """Splits an upper-case line with single spaces into house number and the rest.

    >>> split_house_number("44.5-46 WARREN ST").number
    '44 1/2-46'
    """
    if zero := _ZERO.match(line):
        behind_zero, is_rear = _without_rear(line[zero.end() :].strip())
        return HouseNumber(None, behind_zero, "zero_house_number", is_rear)
    line, is_rear = _without_rear(line)
    match = _NUMBER.match(line)
    if not match:
        return HouseNumber(None, line, "no_house_number", is_rear)
    rest = line[match.end() :]
    number = re.sub(r" ?- ?", "-", match["number"])
    if _SUFFIX_NEXT.fullmatch(rest.strip()):  # grid regions have streets named 39.2 RD
        return HouseNumber(None, line, "no_house_number", is_rear)
    letter = _LOOSE_LETTER.match(rest)
    if letter and not _SUFFIX_NEXT.match(rest, letter.end()):
        number, rest = number + letter[1], rest[letter.end() :]
    note: NumberNote | None = "ambiguous_house_number" if match["other"] else None
    return HouseNumber(_in_fractions(number), rest.strip(), note, is_rear)


def _without_rear(line: str) -> tuple[str, bool]:
    rear = _REAR_FIRST.match(line)
    return (line[rear.end() :], True) if rear else (line, False)


def _in_fractions(number: str) -> str:
    """Halves and quarters as Publication 28 writes them; leading zeros dropped."""
    spelled = _DECIMAL.sub(lambda decimal: _DECIMAL_FRACTION[decimal[1]], number)
    return spelled.lstrip("0") or spelled

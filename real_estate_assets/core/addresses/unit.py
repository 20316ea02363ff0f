"""The unit at the tail of an address line: everything after a pound sign, and the spellings rolls hang onto a suffix.

Belongs here: finding the unit where the source marks it in its own way. Does not belong here: designators in words
(APT, STE), which the general parser reads.
"""

from __future__ import annotations

import re
from typing import NamedTuple

# Publication 28, section 213.1: where the right designator is not known, '#', a space and the number.
UNKNOWN_DESIGNATOR = "#"

# Appendix C2, the designators that stand without a number.
_ALONE = {"BASEMENT": "BSMT", "BSMT": "BSMT", "FRONT": "FRNT", "FRNT": "FRNT", "LOBBY": "LBBY", "LBBY": "LBBY"}
_ALONE |= {"LOWER": "LOWR", "LOWR": "LOWR", "OFFICE": "OFC", "OFC": "OFC", "PENTHOUSE": "PH", "PENT": "PH", "PH": "PH"}
_ALONE |= {"REAR": "REAR", "SIDE": "SIDE", "UPPER": "UPPR", "UPPR": "UPPR"}

_DESIGNATED_SIGN = re.compile(
    r"\b(APT|APARTMENT|UNIT|STE|SUITE|RM|ROOM|BLDG|BUILDING|FL|FLOOR|LOT|SPC|SPACE|DEPT|TRLR) ?# ?"
)
_HUNG_ON_SUFFIX = re.compile(r"(?P<suffix> (?:SQ|PLZ|CTR|ST|AVE|PL|CT|RD|DR|LN|WAY|PARK))-(?P<number>\d+[A-Z]?)$")


class Unit(NamedTuple):
    """A line split before its unit; both parts of the unit are null where it has none."""

    rest: str
    type: str | None
    number: str | None


def split_unit(line: str) -> Unit:
    """Splits an upper-case line with single spaces into the street part and the unit after its first pound sign.

    >>> split_unit("36-36 1/2 TREMONT ST #36.5/1")
    Unit(rest='36-36 1/2 TREMONT ST', type='#', number='36.5/1')
    """
    line = _DESIGNATED_SIGN.sub(r"\1 ", line)
    street, sign, text = line.partition(UNKNOWN_DESIGNATOR)
    if sign:
        return Unit(street.strip(), *unit_parts(text))
    if hung := _HUNG_ON_SUFFIX.search(street):
        return Unit(street[: hung.end("suffix")], UNKNOWN_DESIGNATOR, hung["number"])
    return Unit(street.strip(), None, None)


def unit_parts(text: str | None) -> tuple[str | None, str | None]:
    """(type, number) of a unit that the source gives by itself, such as a unit column; nulls for a blank one."""
    unit = " ".join(text.upper().split()).lstrip("# ") if text else ""
    if not unit:
        return None, None
    if alone := _ALONE.get(unit):
        return alone, None
    return UNKNOWN_DESIGNATOR, unit

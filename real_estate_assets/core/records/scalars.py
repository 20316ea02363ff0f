"""One text as one typed value: the rules of every canonical type, for a single cell.

Belongs here: what a text must look like to be a whole number, a number, money, a truth value or a date. The same rules
for a whole column stand in `parsing.py`; a property test holds the two together.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Family = Literal["text", "integer", "number", "money", "boolean", "date", "geometry"]
Value = str | int | float | Decimal | bool | dt.date

_FAMILIES: dict[str, Family] = {
    "text": "text",
    "integer": "integer",
    "double precision": "number",
    "numeric(14,2)": "money",
    "boolean": "boolean",
    "date": "date",
    "geometry(Geometry,4326)": "geometry",
}
NUMBER_PATTERN = r"^[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,40})?|\.[0-9]{1,40})(?:[eE][+-]?[0-9]{1,3})?$"
INTEGER_PATTERN = r"^[+-]?[0-9]{1,18}(?:\.0*)?$"
ISO_DATE_PATTERN = (
    r"^(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})"
    r"(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?(?:Z|[+-][0-9]{2}:?[0-9]{2})?)?$"
)
TRUE_WORDS = ("true", "t", "yes", "y", "1")
FALSE_WORDS = ("false", "f", "no", "n", "0")
INTEGER_LIMIT = 2_147_483_647
MONEY_LIMIT = Decimal("999999999999.99")
MONEY_UNIT = Decimal("0.01")
# The white space that is no part of a number, a date or a word; the same for every reader.
BLANKS = " \t\r\n\v\f\u00a0"


def family_of(pg_type: str) -> Family:
    """The family of rules a canonical field's Postgres type follows."""
    return _FAMILIES[pg_type]


def parse_scalar(text: str, family: Family) -> Value:
    """The value of one text (outer white space is no part of it, except of text itself).

    Raises ValueError, which says what was expected, where the text is no such value or the type cannot hold it.
    Money rounds half away from zero to cents, as Postgres does, and never passes through a float.
    """
    word = text.strip(BLANKS)
    if family == "text":
        return text
    if family == "integer":
        return _integer(word)
    if family == "number":
        return _number(word)
    if family == "money":
        return _money(word)
    if family == "boolean":
        return _boolean(word)
    if family == "date":
        return _iso_date(word)
    raise ValueError("a geometry has no text")


def _integer(word: str) -> int:
    if not re.match(INTEGER_PATTERN, word):
        raise ValueError(f"'{word}' is not a whole number")
    value = int(word.split(".")[0])
    if abs(value) > INTEGER_LIMIT:
        raise ValueError(f"'{word}' is beyond ±{INTEGER_LIMIT:,}")
    return value


def _number(word: str) -> float:
    if not re.match(NUMBER_PATTERN, word):
        raise ValueError(f"'{word}' is not a number")
    value = float(word)
    if value in (float("inf"), float("-inf")):
        raise ValueError(f"'{word}' is too large")
    return value


def _money(word: str) -> Decimal:
    if not re.match(NUMBER_PATTERN, word):
        raise ValueError(f"'{word}' is not an amount of money")
    value = Decimal(word)
    if value.adjusted() > 20:
        raise ValueError(f"'{word}' is too large")
    value = value.quantize(MONEY_UNIT, rounding=ROUND_HALF_UP)
    if abs(value) > MONEY_LIMIT:
        raise ValueError(f"'{word}' is too large")
    return value


def _boolean(word: str) -> bool:
    if word.lower() in TRUE_WORDS:
        return True
    if word.lower() in FALSE_WORDS:
        return False
    raise ValueError(f"'{word}' is neither true nor false; write true or false")


def _iso_date(word: str) -> dt.date:
    match = re.match(ISO_DATE_PATTERN, word)
    if not match:
        raise ValueError(f"'{word}' is not a date; write it as 2014-05-27")
    return dt.date(int(match["year"]), int(match["month"]), int(match["day"]))

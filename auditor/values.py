"""Texts as values: numbers, money, dates, flags, and units, by docs/tenant_file.md.

Belongs here: one text, one type. Does not belong here: which column a text comes from and in which order it is cleaned
(`columns`). A text that is no value of the type raises ValueError; nothing is guessed.
"""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal

NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
WHOLE = re.compile(r"[+-]?[0-9]+(?:\.0*)?")
ISO_DAY = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})(?:[T ].*)?")
TRUE, FALSE = frozenset({"true", "t", "yes", "y", "1"}), frozenset({"false", "f", "no", "n", "0"})
CENT, MONEY_END = Decimal("0.01"), Decimal(10) ** 12
INTEGER_END = 2**31

# How many of the canonical unit one unit is. Exact by the definitions of foot and yard (0.3048 m, 0.9144 m).
SQUARE_FOOT_M2 = Decimal("0.3048") ** 2
UNITS: dict[tuple[str, str], Decimal] = {
    ("m2", "sqft"): 1 / SQUARE_FOOT_M2,
    ("acre", "sqft"): Decimal(43560),
    ("hectare", "sqft"): 10000 / SQUARE_FOOT_M2,
    ("sqyd", "sqft"): Decimal(9),
    ("m", "ft"): 1 / Decimal("0.3048"),
    ("yd", "ft"): Decimal(3),
    ("fraction", "percent"): Decimal(100),
    ("percent", "fraction"): Decimal("0.01"),
    ("kusd", "usd"): Decimal(1000),
    ("cents", "usd"): Decimal("0.01"),
}

Value = str | int | float | Decimal | bool | date


def ungrouped(text: str, thousands: str | None) -> str:
    """A number's text without its thousands separators. Raises ValueError where they stand in wrong places."""
    if thousands is None:
        return text
    mark = re.escape(thousands)
    point = "," if thousands == "." else "."
    grouped = re.compile(rf"[+-]?(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]*)(?:{re.escape(point)}[0-9]*)?")
    if grouped.fullmatch(text) is None:
        raise ValueError(text)
    return text.replace(thousands, "").replace(point, ".")


def number(text: str) -> Decimal:
    """A plain number. Raises ValueError for words, grouped digits, nan."""
    text = text.strip()
    if NUMBER.fullmatch(text) is None:
        raise ValueError(text)
    return Decimal(text)


def typed_number(exact: Decimal, kind: str) -> Value:
    """A number in its field's type. Raises ValueError where the type does not hold it."""
    if kind == "double precision":
        return float(exact)
    if kind == "integer":
        if exact != exact.to_integral_value() or abs(exact) >= INTEGER_END:
            raise ValueError(str(exact))
        return int(exact)
    rounded = exact.quantize(CENT, rounding=ROUND_HALF_UP)  # ROUND_HALF_UP of Decimal is away from zero
    if abs(rounded) >= MONEY_END:
        raise ValueError(str(exact))
    return rounded


def whole(text: str) -> Decimal:
    """A whole number, `7` or `3.0`. Raises ValueError for fractions and exponents."""
    if WHOLE.fullmatch(text.strip()) is None:
        raise ValueError(text)
    return Decimal(text.strip())


def flag(text: str) -> bool:
    """Yes or no. Raises ValueError for any other word."""
    word = text.strip().lower()
    if word in TRUE:
        return True
    if word in FALSE:
        return False
    raise ValueError(text)


def day(text: str, formats: list[str]) -> date:
    """A date by the first format that fits, or ISO where none is given. Raises ValueError where none fits."""
    text = text.strip()
    if not formats:
        match = ISO_DAY.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return date(int(match[1]), int(match[2]), int(match[3]))
    for form in formats:
        try:
            return datetime.strptime(text, form).date()  # noqa: DTZ007 - only the day is kept
        except ValueError:
            continue
    raise ValueError(text)

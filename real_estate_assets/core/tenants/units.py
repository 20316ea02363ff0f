"""Units a column map may convert between, by exact definition.

Belongs here: the names and their size in one base unit per quantity. International foot and acre (1959): a US survey
foot differs by two millionths, below what any assessor measures.
"""

from __future__ import annotations

from typing import Literal

UNIT_NAMES = Literal[
    "sqft", "m2", "acre", "hectare", "sqyd", "ft", "m", "yd", "fraction", "percent", "usd", "kusd", "cents"
]

_SQFT_IN_M2 = 0.3048 * 0.3048
_SIZE: dict[str, tuple[str, float]] = {
    "m2": ("area", 1.0),
    "sqft": ("area", _SQFT_IN_M2),
    "sqyd": ("area", 9 * _SQFT_IN_M2),
    "acre": ("area", 43_560 * _SQFT_IN_M2),
    "hectare": ("area", 10_000.0),
    "m": ("length", 1.0),
    "ft": ("length", 0.3048),
    "yd": ("length", 0.9144),
    "fraction": ("share", 100.0),
    "percent": ("share", 1.0),
    "usd": ("money", 100.0),
    "kusd": ("money", 100_000.0),
    "cents": ("money", 1.0),
}


def factor(from_unit: str, to_unit: str) -> float:
    """What a number in `from_unit` is multiplied with to be in `to_unit`.

    Raises ValueError where the two measure different things.
    """
    quantity, size = _SIZE[from_unit]
    target_quantity, target_size = _SIZE[to_unit]
    if quantity != target_quantity:
        raise ValueError(f"{from_unit} is a unit of {quantity}, {to_unit} of {target_quantity}: they do not convert")
    return size / target_size


def unit_of_field(name: str) -> str | None:
    """The unit a canonical field's name ends with, or None where it carries none."""
    for ending, unit in (("_sqft", "sqft"), ("_pct", "percent"), ("_usd", "usd"), ("_m2", "m2")):
        if name.endswith(ending):
            return unit
    return None

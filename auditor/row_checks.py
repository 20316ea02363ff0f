"""Checks of single records, a second time: docs/audit.md states each predicate.

Belongs here: what a record fails, as a mask. Does not belong here: what a failure does to trust. An unknown value
fails no check: a comparison with a missing side is not true.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from auditor.book import Book, SourceFile
from auditor.fields import TYPE_OF
from auditor.ledger import Row

FILLER = re.compile(
    r"\s*(?:unknown|unk|not available|n/a|na|null|tbd|to be determined|[?.*-]+|x{3,})\s*", re.IGNORECASE
)
BUILDING_WORDS = (
    "architectural_style", "occupancy", "condition_description", "grade_description", "view_description",
    "heating_type", "heating_fuel",
)  # fmt: skip
EARLIEST_SALE = date(1700, 1, 1)


class Record:
    """A record's fields, asked for by name; numbers as exact decimals."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        self._read = read
        self._known: dict[str, Any] = {}

    def __getitem__(self, field: str) -> Any:
        if field not in self._known:
            value = self._read(field)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            self._known[field] = Decimal(str(value)) if number else value
        return self._known[field]

    def first(self, *fields: str) -> Any:
        """The first field that is known."""
        return next((self[field] for field in fields if self[field] is not None), None)


def above(one: Any, other: Any) -> bool:
    """Whether both are known and the first is larger."""
    return one is not None and other is not None and bool(one > other)


def times(one: Any, factor: Any) -> Any:
    """A product; unknown where a side is."""
    return None if one is None or factor is None else one * factor


def outside(value: Any, low: Any, high: Any) -> bool:
    """Whether a known value lies outside of known bounds."""
    return above(low, value) or above(value, high)


def _parts(r: Record) -> bool:
    total, land, building = (r[f"assessed_{name}_value_usd"] for name in ("total", "land", "improvement"))
    if None in (total, land, building):
        return False
    return bool(abs(total - land - building) > max(Decimal(1), total / 100))


def _improvement(r: Record) -> bool:
    value, area = r["assessed_improvement_value_usd"], r.first("living_area_sqft", "gross_area_sqft")
    return above(value, 0) and bool(area) and outside(value / area, 20, 3000)


def _bathrooms(r: Record) -> bool:
    total, full, half = r["bathrooms_total"], r["bathrooms_full"], r["bathrooms_half"]
    uneven = None not in (total, full, half) and total != full + half / 2
    return bool(uneven or (total == 0 and above(r["bedrooms_total"], 0)))


def _units(r: Record) -> bool:
    area = r.first("gross_area_sqft", "living_area_sqft")
    return above(r["units_total"], 1) and above(times(r["units_total"], 100), area)


def _no_building(r: Record) -> bool:
    furnished = (
        above(r["rooms_total"], 0) or above(r["fireplaces_total"], 0) or r["has_central_air"] is True
        or r["heating_type"] is not None or r["heating_fuel"] is not None
    )  # fmt: skip
    return r["assessed_improvement_value_usd"] == 0 and furnished


def _basement(r: Record) -> bool:
    parts = [r[f"basement_{state}_area_sqft"] or 0 for state in ("finished", "unfinished")]
    area = r.first("gross_area_sqft", "living_area_sqft", "above_grade_area_sqft")
    return above(sum(parts), times(area, 2))


def _parking(r: Record) -> bool:
    spaces = [n for n in (r["parking_open_spaces"], r["parking_covered_spaces"], r["garage_spaces"]) if n is not None]
    return above(max(spaces, default=None), times(r["units_total"], 10))


def _tax(r: Record) -> bool:
    tax, total = r["tax_amount_usd"], r["assessed_total_value_usd"]
    untaxed = r["has_residential_exemption"] is True and above(tax, 0) and total is None
    return above(tax, times(total, Decimal("0.1"))) or untaxed


def _sale_day(r: Record) -> bool:
    day = r["sale_date"]
    return day is not None and ((day.month, day.day) == (1, 1) or day < EARLIEST_SALE)


def _lacks(text: Any, pattern: str) -> bool:
    return text is not None and re.search(pattern, text, re.ASCII) is None


def _filler(r: Record, *fields: str) -> bool:
    return any(r[field] is not None and FILLER.fullmatch(r[field]) for field in fields)


def _scores(r: Record) -> bool:
    return (
        outside(r["condition_score"], 1, 5) or outside(r["interior_condition_score"], 1, 5)
        or outside(r["view_score"], 0, 4) or above(0, r["grade_score"])
    )  # fmt: skip


def _neighbors(r: Record) -> bool:
    area = r["living_area_sqft"]
    neighbors = r["neighborhood_living_area_sqft"]
    lot = r["neighborhood_lot_size_sqft"]
    return outside(neighbors, times(area, Decimal("0.1")), times(area, 10)) or (lot is not None and lot <= 0)


PREDICATES: dict[str, Callable[[Record], bool]] = {
    "assessed_total_is_the_sum_of_its_parts": _parts,
    "living_area_not_above_gross_area": lambda r: above(r["living_area_sqft"], r["gross_area_sqft"]),
    "renovated_after_built": lambda r: above(r["year_built"], r["year_renovated"]),
    "bedrooms_are_usual": lambda r: above(r["bedrooms_total"], 20),
    "improvement_value_per_sqft_is_usual": _improvement,
    "building_area_is_usual": lambda r: above(
        100, r.first("living_area_sqft", "gross_area_sqft", "above_grade_area_sqft")
    ),
    "lot_size_is_usual": lambda r: above(200, r["lot_size_sqft"]),
    "building_fits_its_lot": lambda r: above(
        r["gross_area_sqft"], times(r["lot_size_sqft"], None if r["stories"] is None else r["stories"] + 2)
    ),
    "year_built_is_usual": lambda r: (
        above(1700, r["year_built"])
        or above(r["year_built"], None if r["fiscal_year"] is None else r["fiscal_year"] + 1)
    ),
    "rooms_fit_the_area": lambda r: (
        above(r["bedrooms_total"], r["rooms_total"])
        or above(times(r["bedrooms_total"], 70), r.first("living_area_sqft", "gross_area_sqft"))
    ),
    "bathrooms_add_up": _bathrooms,
    "units_fit_the_area": _units,
    "scores_are_on_their_scale": _scores,
    "waterfront_has_a_view": lambda r: r["is_waterfront"] is True and r["view_score"] == 0,
    "building_facts_have_a_building": _no_building,
    "basement_fits_the_building": _basement,
    "parking_fits_the_units": _parking,
    "tax_fits_the_value": _tax,
    "sale_date_is_a_working_day": _sale_day,
    "deed_reference_names_a_page": lambda r: _lacks(r["deed_reference"], "[1-9]"),
    "address_has_a_number": lambda r: _lacks(r["address_raw"], "[0-9]"),
    "place_is_written_in_full": lambda r: (
        _lacks(r["state_or_province"], r"\A[A-Za-z]{2}\Z")
        or _lacks(r["postal_code"], r"\A[0-9]{5}(-?[0-9]{4})?\Z")
        or _filler(r, "city")
    ),
    "use_is_named": lambda r: _filler(r, "use_code", "use_description", "zoning", "tax_district"),
    "building_words_say_something": lambda r: _filler(r, *BUILDING_WORDS),
    "neighbors_are_comparable": _neighbors,
    "price_fits_the_value": lambda r: above(r["sale_price_usd"], times(r["assessed_total_value_usd"], 20)),
}


class UnknownCheckError(LookupError):
    """The register lists a check that has no second predicate here."""


class RowChecks:
    """The reviewed checks: name and bit come from the register, the predicate is the auditor's own."""

    def __init__(self, book: Book, register: list[Row]) -> None:
        self.book = book
        self._bits = {row["check_name"]: row["bit"] for row in register if row["bit"] is not None}

    def failed(self, file: SourceFile, record_no: int) -> int | None:
        """One bit a failed check; None where none fails. Raises UnknownCheckError."""
        unknown = self._bits.keys() - PREDICATES.keys()
        if unknown:
            raise UnknownCheckError(f"no second predicate for {', '.join(sorted(unknown))}")
        cells = self.book.cells(file, record_no)
        record = Record(lambda field: self.book.said(file, field, cells).value if field in TYPE_OF else None)
        mask = sum(1 << bit for name, bit in self._bits.items() if PREDICATES[name](record))
        return mask or None

"""Sales as the files state them, each once, with what speaks for and against them: docs/provenance.md and docs/marts.

Belongs here: the sale's id, duplicates, validity. Does not belong here: medians (`market`).
"""

from __future__ import annotations

import calendar
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property
from typing import Any

from auditor.book import Book, SourceFile
from auditor.identity import normal
from auditor.owners import md5_id
from auditor.properties import EVENT_KINDS, Properties, Spoken

NOMINAL_USD = Decimal(1000)
CENT = Decimal("0.01")
STATED = ("sale_date", "sale_price_usd", "deed_reference", "living_area_sqft", "postal_code", "county_fips")


@dataclass(frozen=True, slots=True)
class Sale:
    """One sale. `file` and `record_no` are those that describe it, `record_nos` all of that file that state it."""

    sale_id: uuid.UUID
    property_id: uuid.UUID
    county_fips: str
    postal_code: str | None
    sale_date: date | None
    price: Decimal | None
    deed: str | None
    living_area_sqft: float | None
    file: SourceFile
    record_no: int
    record_nos: tuple[int, ...]

    @property
    def is_price_nominal(self) -> bool | None:
        """Whether the price is 1,000 dollars or less."""
        return None if self.price is None else self.price <= NOMINAL_USD

    @property
    def price_per_sqft(self) -> Decimal | None:
        """Dollars for a square foot of the living area that the sale's own record states."""
        if self.price is None or not self.living_area_sqft or self.living_area_sqft <= 0:
            return None
        return (self.price / Decimal(str(self.living_area_sqft))).quantize(CENT, rounding=ROUND_HALF_UP)

    @property
    def month(self) -> date | None:
        """First day of the month of sale."""
        return None if self.sale_date is None else self.sale_date.replace(day=1)


class Sales:
    """All sales of a tenant."""

    def __init__(self, book: Book, properties: Properties) -> None:
        self.book = book
        self.properties = properties

    @cached_property
    def by_id(self) -> dict[uuid.UUID, Sale]:
        """Every sale by its id; of several files that state one the best ranked describes it."""
        found: dict[uuid.UUID, Sale] = {}
        for spoken in self._speaking():
            by_sale: dict[uuid.UUID, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
            for number in sorted(spoken.identified.records):
                cells = self.book.cells(spoken.file, number)
                said = {name: self.book.said(spoken.file, name, cells).value for name in STATED}
                if said["sale_date"] is not None or said["sale_price_usd"] is not None:
                    by_sale[sale_id(spoken.identified.property_id, said)].append((number, said))
            for identifier, records in by_sale.items():
                found.setdefault(identifier, _sale(identifier, spoken, records))
        return found

    def _speaking(self) -> list[Spoken]:
        spoken = [s for said in self.properties.by_id.values() for s in said if s.file.columns.states("sale_price_usd")]
        return sorted(spoken, key=lambda s: self.properties.rank(s.file))

    @cached_property
    def _of_property(self) -> dict[uuid.UUID, list[Sale]]:
        found: dict[uuid.UUID, list[Sale]] = defaultdict(list)
        for sale in self.by_id.values():
            found[sale.property_id].append(sale)
        return found

    @cached_property
    def _on_deed(self) -> dict[tuple[Any, ...], set[uuid.UUID]]:
        found: dict[tuple[Any, ...], set[uuid.UUID]] = defaultdict(set)
        for sale in self.by_id.values():
            found[sale.deed, sale.sale_date, sale.price].add(sale.property_id)
        return found

    def is_multi_property(self, sale: Sale) -> bool | None:
        """Whether one deed conveys several properties on one day for one price."""
        if sale.deed is None or sale.sale_date is None or sale.price is None:
            return None
        return len(self._on_deed[sale.deed, sale.sale_date, sale.price]) > 1

    def is_arms_length(self, sale: Sale) -> bool | None:
        """The presumption that the price is a market price; unknown without one."""
        if sale.price is None:
            return None
        return not sale.is_price_nominal and not self.is_multi_property(sale)

    def previous_date(self, sale: Sale) -> date | None:
        """Date of the property's last earlier sale above the nominal price."""
        if sale.sale_date is None:
            return None
        earlier = [
            other.sale_date
            for other in self._of_property[sale.property_id]
            if other.sale_date is not None and other.sale_date < sale.sale_date and other.is_price_nominal is False
        ]
        return max(earlier, default=None)

    def is_resale(self, sale: Sale) -> bool | None:
        """Whether an earlier sale lies at most twelve months back; only a file of sales can rule it out."""
        previous = self.previous_date(sale)
        if previous is not None and sale.sale_date is not None and a_year_after(previous) >= sale.sale_date:
            return True
        return False if sale.file.row["source_kind"] in EVENT_KINDS and sale.sale_date is not None else None

    def reasons(self, sale: Sale) -> list[str]:
        """What speaks against using the sale as it stands."""
        resale = self.is_resale(sale)
        spoken = {
            "nominal_price": sale.is_price_nominal is True,
            "multi_property_deed": self.is_multi_property(sale) is True,
            "resale_within_12_months": resale is True,
            "earlier_sales_unknown": resale is None,
            "price_unknown": sale.price is None,
            "date_unknown": sale.sale_date is None,
        }
        return [reason for reason, speaks in spoken.items() if speaks]


def sale_id(property_id: uuid.UUID, said: dict[str, Any]) -> uuid.UUID:
    """The id of a sale: property, date, price with two decimals, deed in normal form."""
    day, price = said["sale_date"], said["sale_price_usd"]
    return md5_id(
        str(property_id), day.isoformat() if day else "", f"{price:.2f}" if price is not None else "", _deed(said)
    )


def _deed(said: dict[str, Any]) -> str | None:
    return normal(said["deed_reference"]) or None


def _sale(identifier: uuid.UUID, spoken: Spoken, records: list[tuple[int, dict[str, Any]]]) -> Sale:
    number, said = records[0]
    return Sale(
        identifier, spoken.identified.property_id, said["county_fips"], said["postal_code"], said["sale_date"],
        said["sale_price_usd"], _deed(said), said["living_area_sqft"], spoken.file, number,
        tuple(n for n, _ in records),
    )  # fmt: skip


def a_year_after(day: date) -> date:
    """The same day a year later; of 29 February the last of that month."""
    last = calendar.monthrange(day.year + 1, day.month)[1]
    return date(day.year + 1, day.month, min(day.day, last))

"""Monthly medians of market sales by county and postal code, from the auditor's own sales.

Belongs here: groups and medians. Does not belong here: which sales are market sales (`sales`).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from functools import cached_property

from auditor.sales import CENT, Sale, Sales

Area = tuple[str, str, str, date]  # county, kind of area, code of area, first day of the month


@dataclass(frozen=True, slots=True)
class Median:
    """The market sales of one area and month."""

    sales: tuple[Sale, ...]

    @property
    def price(self) -> Decimal | None:
        """Median price."""
        return median([sale.price for sale in self.sales if sale.price is not None])

    @property
    def per_sqft(self) -> list[Decimal]:
        """Prices for a square foot where the living area is known."""
        return [price for sale in self.sales if (price := sale.price_per_sqft) is not None]


class Market:
    """Medians of a tenant."""

    def __init__(self, sales: Sales) -> None:
        self.sales = sales

    @cached_property
    def areas(self) -> dict[Area, Median]:
        """Every area and month with at least one market sale."""
        groups: dict[Area, list[Sale]] = defaultdict(list)
        for sale in self.sales.by_id.values():
            if sale.month is None or not self.sales.is_arms_length(sale):
                continue
            groups[sale.county_fips, "county", sale.county_fips, sale.month].append(sale)
            if sale.postal_code is not None:
                groups[sale.county_fips, "postal_code", sale.postal_code, sale.month].append(sale)
        return {area: Median(tuple(sales)) for area, sales in groups.items()}


def median(values: list[Decimal]) -> Decimal | None:
    """The middle value, or the mean of the two in the middle, in cents."""
    if not values:
        return None
    ordered, half = sorted(values), len(values) // 2
    middle = ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2
    return middle.quantize(CENT, rounding=ROUND_HALF_UP)

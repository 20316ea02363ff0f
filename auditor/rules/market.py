"""agg_market_sales: monthly medians.

Belongs here: this mart's cells. Does not belong here: medians and market sales (`auditor.market`, `auditor.sales`).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.market import Median, median
from auditor.rules.base import NoSuchRowError, RowRules, Rule

KEY = ("county_fips", "area_kind", "area_code", "sale_month")


def _key(name: str) -> Rule:
    return lambda self: self.median and self.row[name]


class MarketRow(RowRules):
    """One area and month."""

    FIELDS: ClassVar = {
        **{name: _key(name) for name in KEY},
        "sale_count": lambda self: len(self.median.sales),
        "median_price_usd": lambda self: self.median.price,
        "sale_with_area_count": lambda self: len(self.median.per_sqft),
        "median_price_usd_per_sqft": lambda self: median(self.median.per_sqft),
        "sale_evidence_nos": lambda self: sorted({sale.file.row["evidence_no"] for sale in self.median.sales}),
    }
    METHODS: ClassVar = dict.fromkeys(FIELDS, "derived")

    @cached_property
    def median(self) -> Median:
        """The auditor's own sales of this area and month."""
        found = self.desk.market.areas.get(tuple(self.row[name] for name in KEY))
        if found is None:
            raise NoSuchRowError("no market sale of the tenant's files lies in this area and month")
        return found

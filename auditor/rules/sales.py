"""fct_sales: a sale with what speaks for and against it.

Belongs here: this mart's cells. Does not belong here: what a sale is (`auditor.sales`).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.rules.base import NoSuchRowError, RowRules, Support, reading, supported
from auditor.sales import Sale

DERIVED = (
    "sale_id", "sale_price_usd_per_sqft", "is_arms_length", "is_price_nominal", "is_multi_property_sale",
    "is_resale_within_12_months", "previous_sale_date", "validity_reasons",
)  # fmt: skip


class SaleRow(RowRules):
    """One sale."""

    METHODS: ClassVar = {**dict.fromkeys(DERIVED, "derived"), "property_id": "identity"}
    FIELDS: ClassVar = {
        "sale_id": lambda self: self.sale.sale_id,
        "property_id": lambda self: self.sale.property_id,
        "county_fips": lambda self: self.sale.county_fips,
        "postal_code": lambda self: self.sale.postal_code,
        "sale_date": lambda self: self.sale.sale_date,
        "sale_price_usd": lambda self: self.sale.price,
        "deed_reference": lambda self: self.sale.deed,
        "living_area_sqft": lambda self: self.sale.living_area_sqft,
        "sale_price_usd_per_sqft": lambda self: self.sale.price_per_sqft,
        "is_price_nominal": lambda self: self.sale.is_price_nominal,
        "is_arms_length": lambda self: self.desk.sales.is_arms_length(self.sale),
        "is_multi_property_sale": lambda self: self.desk.sales.is_multi_property(self.sale),
        "is_resale_within_12_months": lambda self: self.desk.sales.is_resale(self.sale),
        "previous_sale_date": lambda self: self.desk.sales.previous_date(self.sale),
        "validity_reasons": lambda self: self.desk.sales.reasons(self.sale),
        "source_name": lambda self: self.sale.file.name,
        "sale_record_nos": lambda self: self.sale.record_nos,
        **supported("sale_evidence_no", "sale_record_no"),
    }

    @cached_property
    def sale(self) -> Sale:
        """The auditor's own sale of this id."""
        found = self.desk.sales.by_id.get(self.row["sale_id"])
        if found is None:
            raise NoSuchRowError(f"no record of the tenant's files states sale {self.row['sale_id']}")
        return found

    @cached_property
    def supports(self) -> list[Support]:
        """The first record that states the sale, of the best ranked file."""
        return [reading("sale", self.sale.file, self.sale.record_no)]

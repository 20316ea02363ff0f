"""fct_ownership: which owner holds which account.

Belongs here: this mart's cells. Does not belong here: which record speaks for a holding (`auditor.ownership`).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.ownership import Holding
from auditor.rules.base import NoSuchRowError, RowRules, Rule, Support, own, reading, supported


def _said(field: str) -> Rule:
    return lambda self: self.holding.said[field]


class OwnershipRow(RowRules):
    """One holding."""

    METHODS: ClassVar = dict.fromkeys(("ownership_id", "property_id", "property_null_reason"), "derived")
    FIELDS: ClassVar = {
        "ownership_id": lambda self: self.holding.ownership_id,
        "owner_id": lambda self: self.holding.owner_id,
        "property_id": lambda self: self.desk.ownership.property_of(self.holding),
        "county_fips": _said("county_fips"),
        "account_number": _said("account_number"),
        "parcel_number": _said("parcel_number"),
        "owner_name_raw": _said("owner_name_raw"),
        "fiscal_year": _said("fiscal_year"),
        "owner_vintage": lambda self: self.holding.file.vintage,
        "source_name": lambda self: self.holding.file.name,
        "property_null_reason": own("property_null_reason"),
        **supported("owner_evidence_no", "owner_record_no"),
    }

    @cached_property
    def holding(self) -> Holding:
        """The newest record that states the ownership."""
        found = self.desk.ownership.by_holding.get(self.row["ownership_id"])
        if found is None:
            raise NoSuchRowError(f"no record of the tenant's files states ownership {self.row['ownership_id']}")
        return found

    @property
    def property_null_reason(self) -> str | None:
        """Why the account is no property."""
        if self.desk.ownership.property_of(self.holding) is not None:
            return None
        return "no_account_number" if self.holding.said["account_number"] is None else "account_not_found"

    @cached_property
    def supports(self) -> list[Support]:
        """The record that states the holding."""
        return [reading("owner", self.holding.file, self.holding.record_no)]

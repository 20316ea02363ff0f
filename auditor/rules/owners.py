"""dim_owners: an owner in the words of its newest record.

Belongs here: this mart's cells. Does not belong here: the key of owners, which record speaks (`auditor.ownership`).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.ownership import Holding
from auditor.rules.base import NoSuchRowError, RowRules, Rule, Support, reading, supported

DERIVED = ("owner_id", "owner_key", "name_variants", "account_count")


def _newest(field: str) -> Rule:
    return lambda self: self.holdings[0].said[field]


class OwnerRow(RowRules):
    """One owner."""

    METHODS: ClassVar = dict.fromkeys(DERIVED, "derived")
    FIELDS: ClassVar = {
        "owner_id": lambda self: self.holdings[0].owner_id,
        "owner_key": lambda self: self.holdings[0].key,
        "owner_name": _newest("owner_name_raw"),
        "mailing_address_raw": _newest("mailing_address_raw"),
        "mailing_city": _newest("mailing_city"),
        "mailing_state": _newest("mailing_state"),
        "mailing_postal_code": _newest("mailing_postal_code"),
        "name_variants": lambda self: sorted({holding.said["owner_name_raw"] for holding in self.holdings}),
        "account_count": lambda self: len({(h.said["county_fips"], h.account_or_parcel) for h in self.holdings}),
        **supported("owner_evidence_no", "owner_record_no"),
    }

    @cached_property
    def holdings(self) -> list[Holding]:
        """All records of the owner, the newest first."""
        found = self.desk.ownership.by_owner.get(self.row["owner_id"])
        if not found:
            raise NoSuchRowError(f"no record of the tenant's files names owner {self.row['owner_id']}")
        return found

    @cached_property
    def supports(self) -> list[Support]:
        """The newest record."""
        return [reading("owner", self.holdings[0].file, self.holdings[0].record_no)]

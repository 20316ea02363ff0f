"""Owners and what they hold, from the records of owner files: docs/provenance.md and docs/marts.

Belongs here: which record speaks for an owner or a holding, which property an account is. Does not belong here: the key
by which spellings meet (`owners`).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from auditor.book import Book, SourceFile
from auditor.identity import normal
from auditor.owners import md5_id, owner_key
from auditor.properties import Properties, newest_first

FIELDS = (
    "owner_name_raw", "mailing_address_raw", "mailing_city", "mailing_state", "mailing_postal_code", "county_fips",
    "account_number", "parcel_number", "fiscal_year",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Holding:
    """One record of an owner file. `said` holds its fields; the parcel number is in normal form."""

    file: SourceFile
    record_no: int
    key: str
    owner_id: uuid.UUID
    said: dict[str, Any]

    @property
    def account_or_parcel(self) -> str:
        """What the owner holds, for counting: the account, or the parcel where no account is stated."""
        return str(self.said["account_number"] or self.said["parcel_number"])

    @property
    def ownership_id(self) -> uuid.UUID:
        """Owner, county, account and parcel as one id."""
        said = self.said
        return md5_id(str(self.owner_id), said["county_fips"], said["account_number"], said["parcel_number"])


class Ownership:
    """Owners and holdings of a tenant."""

    def __init__(self, book: Book, properties: Properties) -> None:
        self.book = book
        self.properties = properties

    @cached_property
    def records(self) -> list[Holding]:
        """Every accepted owner record, the newest vintage first, in file order within one."""
        found = []
        for file in sorted(self.book.of_type("owner"), key=lambda f: newest_first(f.vintage, int(f.ref))):
            for number in self.book.usable(file):
                cells = self.book.cells(file, number)
                said: dict[str, Any] = {name: self.book.said(file, name, cells).value for name in FIELDS}
                said["parcel_number"] = normal(said["parcel_number"]) or None
                key = owner_key(str(said["owner_name_raw"] or ""))
                if key:
                    found.append(Holding(file, number, key, md5_id(self.book.tenant_id, key), said))
        return found

    @cached_property
    def by_owner(self) -> dict[uuid.UUID, list[Holding]]:
        """All records of an owner, the one that describes it first."""
        found: dict[uuid.UUID, list[Holding]] = defaultdict(list)
        for holding in self.records:
            found[holding.owner_id].append(holding)
        return dict(found)

    @cached_property
    def by_holding(self) -> dict[uuid.UUID, Holding]:
        """The record that states an ownership: the newest, of one file the first."""
        found: dict[uuid.UUID, Holding] = {}
        for holding in self.records:
            found.setdefault(holding.ownership_id, holding)
        return found

    @cached_property
    def _accounts(self) -> dict[tuple[str, str], uuid.UUID]:
        found: dict[tuple[str, str], uuid.UUID] = {}
        for file in sorted(self.book.of_type("property"), key=lambda f: newest_first(f.vintage, int(f.ref))):
            if not file.columns.states("account_number"):
                continue
            for number in self.book.usable(file):
                identifier = self.properties.of_record.get((int(file.ref), number))
                account = self.book.read(file, number, "account_number").value
                county = self.book.read(file, number, "county_fips").value
                if identifier is not None and account is not None:
                    found.setdefault((str(county), str(account)), identifier)
        return found

    def property_of(self, holding: Holding) -> uuid.UUID | None:
        """The property that the newest record of the account names."""
        return self._accounts.get((holding.said["county_fips"], holding.said["account_number"]))

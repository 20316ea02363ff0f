"""fct_market_index: the public house price index of the tenant's counties.

Belongs here: this mart's cells. Does not belong here: reading the public file.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.book import SourceFile
from auditor.columns import Statement
from auditor.rules.base import NoSuchRowError, RowRules, Rule

KIND = "fhfa_hpi"


def _said(field: str) -> Rule:
    return lambda self: self.said(field).value


class IndexRow(RowRules):
    """One county and year."""

    FIELDS: ClassVar = {
        "county_fips": _said("county_fips"),
        "year": _said("year"),
        "index_value": _said("index_2000"),
        "annual_change_pct": _said("annual_change_pct"),
        "market_index_public_sha256": lambda self: self.file.ref,
        "market_index_record_no": lambda self: self.record_no,
    }

    @cached_property
    def file(self) -> SourceFile:
        """The index as it was landed."""
        found = [f for f in self.desk.book.public.values() if f.row["source_kind"] == KIND]
        if not found:
            raise NoSuchRowError(f"no public file of kind {KIND} is on record")
        return found[0]

    @cached_property
    def record_no(self) -> int:
        """The record of this county and year."""
        found = self.desk.index_records(self.file).get((self.row["county_fips"], self.row["year"]))
        if found is None or self.row["county_fips"] not in self.desk.counties:
            raise NoSuchRowError("the public file has no such county and year, or the tenant has no property there")
        return found

    def said(self, field: str) -> Statement:
        """What that record states."""
        return self.desk.book.read(self.file, self.record_no, field)

"""Everything derived of one tenant, made when first asked for: the auditor's desk.

Belongs here: putting the derivations together. Does not belong here: the derivations, or comparing with a mart.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from auditor.book import Book, SourceFile
from auditor.changes import Changes
from auditor.hazard_scale import Scale
from auditor.hazards import Hazards
from auditor.market import Market
from auditor.ownership import Ownership
from auditor.places import Places
from auditor.properties import Properties
from auditor.row_checks import RowChecks
from auditor.sales import Sales


class Desk:
    """One tenant's files with all that follows from them."""

    def __init__(self, book: Book) -> None:
        self.book = book
        self.properties = Properties(book)
        self.places = Places(book, self.properties)
        self.sales = Sales(book, self.properties)
        self.market = Market(self.sales)
        self.ownership = Ownership(book, self.properties)
        self._index: dict[tuple[Any, Any], int] | None = None

    @cached_property
    def checks(self) -> RowChecks:
        """The checks of single records."""
        return RowChecks(self.book, self.book.ledger.rows("select * from prov.row_check"))

    @cached_property
    def counties(self) -> set[str]:
        """Counties that the tenant has properties in."""
        return {spoken[0].identified.county for spoken in self.properties.by_id.values()}

    def index_records(self, file: SourceFile) -> dict[tuple[Any, Any], int]:
        """(county, year) -> record of a public file that lists both."""
        if self._index is None:
            read = self.book.read
            self._index = {
                (read(file, number, "county_fips").value, read(file, number, "year").value): number
                for number in range(self.book.count(file))
            }
        return self._index

    @cached_property
    def scale(self) -> Scale:
        """The reviewed scale of zones."""
        return Scale(self.book.ledger.seed("hazard_score_scale"))

    @cached_property
    def hazards(self) -> Hazards:
        """Exposures of places."""
        return Hazards(self.book, self.scale)

    @cached_property
    def changes(self) -> Changes:
        """What differs between vintages."""
        tolerances = {row["field"]: float(row["tolerance"]) for row in self.book.ledger.seed("field_tolerance")}
        return Changes(self.book, self.properties, tolerances)

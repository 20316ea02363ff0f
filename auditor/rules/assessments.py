"""fct_assessments: what a source says of a property in one fiscal year.

Belongs here: this mart's cells. Does not belong here: how records are read.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.properties import Spoken, newest_first
from auditor.rules.base import NoSuchRowError, Support, own, reading, supported
from auditor.rules.records import RecordRow, copied

STATED = (
    "use_code", "use_description", "assessed_land_value_usd", "assessed_improvement_value_usd",
    "assessed_total_value_usd", "tax_amount_usd", "has_residential_exemption", "lot_size_sqft", "gross_area_sqft",
    "living_area_sqft", "year_built",
)  # fmt: skip


class AssessmentRow(RecordRow):
    """One property, source and fiscal year."""

    METHODS: ClassVar = {"property_id": "identity"}
    FIELDS: ClassVar = {
        **copied("fiscal_year", *STATED),
        "property_id": own("property_id"),
        "source_name": lambda self: self.spoken.file.name,
        "building_count": lambda self: len(self.record_nos),
        "null_reasons": lambda self: self.reasons_of(STATED),
        "assessor_vintage": lambda self: self.spoken.file.vintage,
        "assessor_record_nos": lambda self: sorted(self.record_nos),
        "assessor_checks_failed": lambda self: self.desk.checks.failed(self.spoken.file, self.record_no),
        **supported("assessor_evidence_no", "assessor_record_no"),
    }

    @cached_property
    def _stated(self) -> tuple[Spoken, list[int]]:
        of_source = [s for s in self.all_spoken() if s.file.name == self.row["source_name"]]
        for spoken in sorted(of_source, key=lambda s: newest_first(s.file.vintage, int(s.file.ref))):
            numbers = [n for n in spoken.identified.records if self._year(spoken, n) == self.row["fiscal_year"]]
            if numbers:
                return spoken, numbers
        raise NoSuchRowError(f"no file of {self.row['source_name']} states fiscal year {self.row['fiscal_year']}")

    def _year(self, spoken: Spoken, number: int) -> object:
        return self.desk.book.read(spoken.file, number, "fiscal_year").value

    @cached_property
    def spoken(self) -> Spoken:
        """The newest file of the source that states the fiscal year."""
        return self._stated[0]

    @cached_property
    def record_nos(self) -> list[int]:
        """All records of that file and year, the main building's first."""
        return self._stated[1]

    @cached_property
    def record_no(self) -> int:
        """The main building's record."""
        return self.record_nos[0]

    @cached_property
    def supports(self) -> list[Support]:
        """The main building's record."""
        return [reading("assessor", self.spoken.file, self.record_no)]

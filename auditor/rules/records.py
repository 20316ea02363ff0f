"""What the marts of property records share: a record's fields, why they are null, which of its checks failed.

Belongs here: reading one property record for a mart. Does not belong here: which record a mart chooses.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from auditor.columns import Statement
from auditor.identity import Identified
from auditor.properties import Spoken
from auditor.rules.base import NoSuchRowError, RowRules, Rule


def copied(*fields: str) -> dict[str, Rule]:
    """Fields that the describing record states."""
    return {field: _copy(field) for field in fields}


def _copy(field: str) -> Rule:
    return lambda self: self.said(field).value


class RecordRow(RowRules):
    """A row that one property record describes: `spoken` and `record_no` say which."""

    @cached_property
    def spoken(self) -> Spoken:
        """The file, and what it knows of the property."""
        raise NotImplementedError

    @cached_property
    def record_no(self) -> int:
        """The describing record."""
        return self.spoken.record_no

    @property
    def identified(self) -> Identified:
        """The property as the describing file identifies it."""
        return self.spoken.identified

    def all_spoken(self) -> list[Spoken]:
        """Every file that speaks of the row's property, best first. Raises NoSuchRowError where none does."""
        found = self.desk.properties.by_id.get(self.row["property_id"])
        if not found:
            raise NoSuchRowError(f"no record of the tenant's files speaks of property {self.row['property_id']}")
        return found

    def said(self, field: str) -> Statement:
        """What the describing record states of a field."""
        return self.desk.book.said(self.spoken.file, field, self._cells)

    @cached_property
    def _cells(self) -> dict[str, str | None]:
        return self.desk.book.cells(self.spoken.file, self.record_no)

    def reasons_of(self, fields: tuple[str, ...]) -> dict[str, str]:
        """Why each null among these fields is null."""
        said = {field: self.said(field) for field in fields}
        return {field: str(s.reason) for field, s in said.items() if s.value is None}

    @property
    def property_id(self) -> Any:
        """The id of the property that the record at the row's own locator speaks of."""
        return self.identified.property_id

"""fct_changes: what differs between two vintages, with a record on each side.

Belongs here: this mart's cells. Does not belong here: the comparison (`auditor.changes`).
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.changes import Change, number_of, text_of
from auditor.rules.base import NoSuchRowError, RowRules, Support, nothing, reading, supported


class ChangeRow(RowRules):
    """One field of one property that differs."""

    METHODS: ClassVar = {"property_id": "identity", "change_kind": "derived", "relative_change": "derived"}
    FIELDS: ClassVar = {
        "property_id": lambda self: self.change and self.row["property_id"],
        "source_name": lambda self: self.change.newer.name,
        "new_file_no": lambda self: self.change.newer.ref,
        "field": lambda self: self.change and self.row["field"],
        "change_kind": lambda self: self.change.kind,
        "old_vintage": lambda self: self.change.older.vintage,
        "new_vintage": lambda self: self.change.newer.vintage,
        "old_value": lambda self: text_of(self.change.old),
        "new_value": lambda self: text_of(self.change.new),
        "old_value_number": lambda self: number_of(self.change.old),
        "new_value_number": lambda self: number_of(self.change.new),
        "relative_change": lambda self: self.change.relative,
        **supported(
            "new_assessor_evidence_no", "new_assessor_record_no", "old_assessor_evidence_no", "old_assessor_record_no"
        ),
    }

    @cached_property
    def change(self) -> Change:
        """The auditor's own change of this property, file and field."""
        row = self.row
        found = self.desk.changes.of(row["property_id"], row["new_file_no"], row["field"])
        if found is None:
            raise NoSuchRowError(f"the two vintages agree on {row['field']} of this property, or cannot be compared")
        return found

    @cached_property
    def supports(self) -> list[Support]:
        """A record in each of the two files, or none where the file does not list the property."""
        change = self.change
        sides = (("new_assessor", change.newer, change.new_record), ("old_assessor", change.older, change.old_record))
        return [nothing(g) if number is None else reading(g, file, number) for g, file, number in sides]

"""dim_source_files: files in force, counted and hashed anew.

Belongs here: this mart's cells. Does not belong here: opening files.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.book import SourceFile
from auditor.rules.base import NoSuchRowError, RowRules, Rule, own


def _recorded(name: str) -> Rule:
    return lambda self: self.file.row[name]


class FileRow(RowRules):
    """One file. Opening it proves its sha256: every rule that reads it fails where the bytes are others."""

    FIELDS: ClassVar = {
        "file_no": lambda self: self.file.ref,
        "source_name": lambda self: self.file.columns.options["name"],
        "source_kind": lambda self: self.file.columns.options["kind"],
        "record_type": lambda self: self.file.columns.options["record_type"],
        "vintage": _recorded("vintage"),
        "received_at": _recorded("received_at"),
        "is_newest_vintage": lambda self: self.desk.properties.newest(self.file),
        "previous_file_no": lambda self: (lambda f: f and f.ref)(self.desk.properties.previous(self.file)),
        "sha256": lambda self: self.count and self.file.stored.sha256,
        "source_reliability": lambda self: self.desk.properties.reliability(self.file),
        "record_count": own("indexed_count"),
        "accepted_count": lambda self: self.accepted,
        "quarantined_count": lambda self: self.count - self.accepted,
    }

    @cached_property
    def file(self) -> SourceFile:
        """The file in force of this number."""
        found = self.desk.book.files.get(self.row["file_no"])
        if found is None:
            raise NoSuchRowError(f"file {self.row['file_no']} is not in force")
        return found

    @property
    def count(self) -> int:
        """Records in the file as the auditor's reader counts them."""
        return self.desk.book.count(self.file)

    @property
    def indexed_count(self) -> int:
        """The count, where the sparse index on record points at the records that it says it does."""
        index = self.desk.book.ledger.record_index(int(self.file.ref))
        if index is not None:
            text = self.desk.book.csv(self.file)
            starts = [text.byte_offset(number) for number in range(0, len(text), index["every"])]
            if starts != index["byte_offsets"]:
                raise NoSuchRowError("the record index points elsewhere than where every such record begins")
        return self.count

    @cached_property
    def accepted(self) -> int:
        """Records that no gate refused and, of property records, that can be told apart."""
        usable = self.desk.book.usable(self.file)
        if self.file.row["record_type"] != "property":
            return len(usable)
        return sum((int(self.file.ref), number) in self.desk.properties.of_record for number in usable)

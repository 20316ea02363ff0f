"""Checks of single records, a second time: docs/audit.md states each predicate.

Belongs here: what a record fails, as a mask. Does not belong here: what a failure does to trust.
"""

from __future__ import annotations

from auditor.book import Book, SourceFile
from auditor.ledger import Row


class RowChecks:
    """The reviewed checks: name and bit come from the register, the predicate is the auditor's own."""

    def __init__(self, book: Book, register: list[Row]) -> None:
        self.book = book
        self.register = register

    def failed(self, file: SourceFile, record_no: int) -> int | None:
        """One bit a failed check; None where none fails."""
        raise NotImplementedError

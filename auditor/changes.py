"""What differs between two successive vintages of one source, beyond the tolerance of a field: docs/provenance.md.

Belongs here: pairs of files, values side by side, the comparison. Does not belong here: the tolerances, which are
reviewed and handed in.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from auditor.book import Book, SourceFile
from auditor.fields import TYPE_OF
from auditor.identity import normal
from auditor.properties import EVENT_KINDS, Properties, Spoken

WHOLE = "property"
NUMBERS = frozenset({"integer", "double precision", "numeric(14,2)"})


@dataclass(frozen=True, slots=True)
class Change:
    """One field of one property in two vintages. A side that does not list the property has no record."""

    kind: str
    older: SourceFile
    newer: SourceFile
    old_record: int | None
    new_record: int | None
    old: Any
    new: Any

    @property
    def relative(self) -> float | None:
        """Difference as a share of the older value."""
        old, new = number_of(self.old), number_of(self.new)
        return None if old is None or new is None or old == 0 else (new - old) / abs(old)


class Changes:
    """Differences of a tenant's vintages, derived one at a time."""

    def __init__(self, book: Book, properties: Properties, tolerances: Mapping[str, float]) -> None:
        self.book = book
        self.properties = properties
        self.tolerances = tolerances

    def of(self, property_id: uuid.UUID, new_file_no: int, field: str) -> Change | None:
        """The change of one field; None where nothing differs beyond its tolerance, or nothing may be compared."""
        newer = self.book.files.get(new_file_no)
        older = self.properties.previous(newer) if newer else None
        if newer is None or older is None or newer.row["source_kind"] in EVENT_KINDS:
            return None
        spoken = {spoken.file.ref: spoken for spoken in self.properties.by_id.get(property_id, [])}
        old, new = spoken.get(older.ref), spoken.get(newer.ref)
        if old is None and new is None:
            return None
        if old is None or new is None:
            return None if field != WHOLE else _whole(older, newer, old, new)
        return None if field == WHOLE else self._field(field, old, new)

    def _field(self, field: str, old: Spoken, new: Spoken) -> Change | None:
        if field not in self.tolerances or not (old.file.columns.states(field) and new.file.columns.states(field)):
            return None
        before = self.book.read(old.file, old.record_no, field).value
        after = self.book.read(new.file, new.record_no, field).value
        if before is None and after is None:
            return None
        kind = "appeared" if before is None else "disappeared" if after is None else "changed"
        if kind == "changed" and agree(before, after, TYPE_OF[field], self.tolerances[field]):
            return None
        return Change(kind, old.file, new.file, old.record_no, new.record_no, before, after)


def _whole(older: SourceFile, newer: SourceFile, old: Spoken | None, new: Spoken | None) -> Change:
    kind = "appeared" if old is None else "disappeared"
    records = (None if old is None else old.record_no, None if new is None else new.record_no)
    return Change(kind, older, newer, *records, None, None)


def agree(before: Any, after: Any, kind: str, tolerance: float) -> bool:
    """Whether two values are the same within the tolerance: a share of the older one."""
    if kind in NUMBERS:
        return abs(float(after) - float(before)) <= tolerance * abs(float(before))
    if kind == "text":
        return normal(before) == normal(after)
    return bool(before == after)


def number_of(value: Any) -> float | None:
    """A value as a number; None for words, days and flags."""
    return float(value) if isinstance(value, int | float | Decimal) and not isinstance(value, bool) else None


def text_of(value: Any) -> str | None:
    """A value as text in one form for both vintages."""
    if value is None:
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    number = number_of(value)
    if number is None:
        return str(value)
    return str(int(number)) if number.is_integer() and abs(number) < 1e15 else repr(number)

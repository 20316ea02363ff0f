"""Which of a tenant's files can be compared with each other, and in which fields.

Belongs here: the choice. Does not belong here: reading them (`stores/warehouse/calibration.py`) and counting
(`core/provenance/agreement.py`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.records.fields import FIELDS

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse.evidence import SourceFile

DAYS_PER_YEAR = 365.25
# Kinds that are one office's record of the same properties: told apart by what they list, not by who found it out.
ONE_OFFICE = frozenset({"assessor_roll", "property_database"})
# Another year is another fiscal year: nothing was wrong with the old one.
NOT_COMPARED = frozenset({"fiscal_year"})


@dataclass(frozen=True)
class Pair:
    """Two files of the same properties, the older first; years between their vintages; the fields that both state."""

    older: SourceFile
    newer: SourceFile
    years: float
    fields: tuple[str, ...]

    @property
    def against(self) -> str:
        """What the older file is compared with, in words."""
        return f"{self.newer.source_name} of {self.newer.vintage}, file {self.newer.file_no}"


def property_files(files: Sequence[SourceFile]) -> list[SourceFile]:
    """The tenant's property files that speak: read, not stopped by their gate, and of a known date; oldest first."""
    speaking = [
        file
        for file in files
        if file.record_type == "property"
        and file.read_status == "read"
        and file.gate_passed is not False
        and file.vintage is not None
    ]
    return sorted(speaking, key=lambda file: (file.vintage, file.file_no))


def successive(files: Sequence[SourceFile], comparable: Collection[str]) -> Iterator[Pair]:
    """Each vintage of a source with its own next one."""
    for name in sorted({file.source_name for file in files}):
        for older, newer in pairwise([file for file in files if file.source_name == name]):
            yield from _pair(older, newer, comparable)


def later_looks(files: Sequence[SourceFile], comparable: Collection[str]) -> Iterator[Pair]:
    """The newest file of a source with the newest of another source of the same office, where that one is later.

    It is the same office's later look at the same properties, so it tests whether a column map reads what it says and
    how far predictions carry; it says nothing about who is right.
    """
    newest = {file.source_name: file for file in files if file.source_kind in ONE_OFFICE}
    for older in newest.values():
        for newer in newest.values():
            if older.source_name != newer.source_name:
                yield from _pair(older, newer, comparable)


def _pair(older: SourceFile, newer: SourceFile, comparable: Collection[str]) -> Iterator[Pair]:
    if older.vintage is None or newer.vintage is None or older.vintage >= newer.vintage:
        return
    both = (_stated(older) & _stated(newer) & set(comparable)) - NOT_COMPARED
    fields = tuple(field.name for field in FIELDS["property"] if field.name in both)
    if fields:
        yield Pair(older, newer, (newer.vintage - older.vintage).days / DAYS_PER_YEAR, fields)


def _stated(file: SourceFile) -> set[str]:
    """Fields that the file itself states: mapped, and not by a constant of the description."""
    entry: dict[str, Any] = file.source_entry
    own = entry["files"][0].get("columns") or {}
    return {
        name
        for name, expression in {**entry["columns"], **own}.items()
        if expression is not None and not (isinstance(expression, dict) and "constant" in expression)
    }

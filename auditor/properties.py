"""Which records speak of which property, over all files of a tenant, and which record describes it.

Belongs here: the choice among files and records by docs/provenance.md. Does not belong here: the identity rule itself
(`identity`), reading cells (`book`), or what a mart shows (`rules`).
"""

from __future__ import annotations

import uuid
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from auditor.book import Book, SourceFile
from auditor.identity import Identified, Keys, identify, normal

UNREVIEWED = 0.2
EVENT_KINDS = frozenset({"sales_file"})
IDENTIFYING = ("county_fips", "parcel_number", "unit_number", "account_number", "building_number", "address_raw")


@dataclass(frozen=True, slots=True)
class Spoken:
    """What one file says of one property: the file and the records, the describing one first."""

    file: SourceFile
    identified: Identified

    @property
    def record_no(self) -> int:
        """The record that describes the property in this file."""
        return self.identified.records[0]


class Properties:
    """Every property of the tenant with the files that speak of it, best first."""

    def __init__(self, book: Book) -> None:
        self.book = book

    @cached_property
    def by_id(self) -> dict[uuid.UUID, list[Spoken]]:
        """Files that speak of a property, the describing one first."""
        found: dict[uuid.UUID, list[Spoken]] = defaultdict(list)
        for file in sorted(self.book.of_type("property"), key=self.rank):
            for identified in identify(self._keys(file), lists_events=file.row["source_kind"] in EVENT_KINDS):
                found[identified.property_id].append(Spoken(file, identified))
        return dict(found)

    @cached_property
    def of_record(self) -> dict[tuple[int, int], uuid.UUID]:
        """(file number, record number) -> the property it speaks of."""
        return {
            (int(spoken.file.ref), number): spoken.identified.property_id
            for spoken_list in self.by_id.values()
            for spoken in spoken_list
            for number in spoken.identified.records
        }

    @cached_property
    def on_parcel(self) -> dict[tuple[str, str], list[uuid.UUID]]:
        """(county, parcel number) -> properties that stand on it, as their describing record says."""
        found: dict[tuple[str, str], list[uuid.UUID]] = defaultdict(list)
        for identifier, spoken in self.by_id.items():
            best = spoken[0].identified
            found[best.county, best.parcel].append(identifier)
        return found

    def reliability(self, file: SourceFile) -> float:
        """The reviewed reliability of the file's kind of source."""
        return self.book.reliabilities.get(file.row["source_kind"], UNREVIEWED)

    def rank(self, file: SourceFile) -> tuple[Any, ...]:
        """Sort key of files: the most reliable kind first, of these the newest vintage."""
        return (-self.reliability(file), *newest_first(file.vintage, int(file.ref)))

    def _keys(self, file: SourceFile) -> Iterator[Keys]:
        book = self.book
        for number in book.usable(file):
            cells = book.cells(file, number)
            said: list[Any] = [book.said(file, name, cells).value for name in IDENTIFYING]
            yield Keys(number, *said)

    def newest(self, file: SourceFile) -> bool:
        """Whether no file in force of the same source and type has a newer vintage."""
        return successors(self.book, file)[-1] is file

    def previous(self, file: SourceFile) -> SourceFile | None:
        """The vintage before this one of the same source."""
        line = successors(self.book, file)
        place = line.index(file)
        return line[place - 1] if place else None


def newest_first(vintage: date | None, file_no: int) -> tuple[int, int, int]:
    """Sort key: known vintages before unknown ones, newer before older, of equal ones the file that came last."""
    return (vintage is None, -(vintage.toordinal() if vintage else 0), -file_no)


def successors(book: Book, file: SourceFile) -> list[SourceFile]:
    """All vintages of the file's source, oldest first."""
    line = [f for f in book.files.values() if f.name == file.name and f.row["record_type"] == file.row["record_type"]]
    return sorted(line, key=lambda f: newest_first(f.vintage, int(f.ref)), reverse=True)


__all__ = ["Properties", "Spoken", "newest_first", "normal", "successors"]

"""One cell examined: its evidence, the record behind it, its method, its value.

Belongs here: the order of questions and the words of a finding. Does not belong here: rules, or which cells are drawn.
A cell passes only when all of it holds: the method on record is the one the value comes by, the evidence names the
file and the record that the auditor would choose, the file has its recorded bytes, the record is the row's own, and
the value is the one derived.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from auditor.book import Book, DamagedFileError, FileRef, SourceFile
from auditor.comparing import RELATIVE, agrees, as_text
from auditor.desk import Desk
from auditor.ledger import Mart, Row
from auditor.row_checks import UnknownCheckError
from auditor.rules import RULES
from auditor.rules.base import (
    AS_SUPPORTED,
    GROUP_OF_TYPE,
    NOTHING,
    OWN_RECORD,
    READING,
    NoSuchRowError,
    RowRules,
    Support,
)

MATCH, MISMATCH, NOT_AUDITED = "match", "mismatch", "not_audited"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of one cell. `expected` and `found` are text, set where they differ."""

    mart: str
    row_key: dict[str, str]
    field: str
    field_group: str
    method: str
    verdict: str
    what: str | None = None
    expected: str | None = None
    found: str | None = None
    where: str | None = None  # file and record behind the cell


class _Finding(Exception):
    def __init__(self, verdict: str, what: str, expected: Any = None, found: Any = None) -> None:
        super().__init__(what)
        self.verdict, self.what, self.expected, self.found = verdict, what, expected, found


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell as drawn: a column of a row, with what the ledger says of the column."""

    mart: Mart
    row: Row
    field: str
    field_group: str
    method: str

    @property
    def key(self) -> dict[str, str]:
        """The row's key without the tenant."""
        return {name: str(self.row[name]) for name in self.mart.key}


class Examiner:
    """Examines the cells of one tenant."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.book: Book = desk.book
        self._rows: dict[tuple[Any, ...], RowRules] = {}

    def examine(self, cell: Cell) -> Verdict:
        """The verdict on a cell."""
        rules = self._rules(cell)
        where = None
        try:
            if rules is None:
                raise _Finding(NOT_AUDITED, f"no second rule for {cell.mart.name}.{cell.field}")
            self._method(cell, rules)
            self._bytes_behind(cell)
            supports = rules.supports_of(cell.field, cell.field_group)
            where = "; ".join(filter(None, map(_where, supports))) or None
            for support in supports:
                self._evidence(cell, support)
            self._value(cell, rules)
        except _Finding as f:
            return self._verdict(cell, f.verdict, f.what, as_text(f.expected), as_text(f.found), where)
        except UnknownCheckError as error:
            return self._verdict(cell, NOT_AUDITED, str(error), where=where)
        except NoSuchRowError as error:
            return self._verdict(cell, MISMATCH, str(error), where=where)
        except DamagedFileError as error:
            return self._damaged(cell, error, where)
        return self._verdict(cell, MATCH, where=where)

    def _verdict(self, cell: Cell, verdict: str, *said: str | None, where: str | None = None) -> Verdict:
        told = list(said)
        if len(told) == 4:
            where = told.pop()
        what, expected, found = [*told, None, None, None][:3]
        return Verdict(
            cell.mart.name, cell.key, cell.field, cell.field_group, cell.method, verdict, what, expected, found, where
        )

    def _damaged(self, cell: Cell, error: DamagedFileError, where: str | None) -> Verdict:
        """A cell whose own file is damaged is wrong; one that merely needs the file cannot be told."""
        own_files = {self._file_of(self.book.evidence.get(number)) for number in _evidence_numbers(cell)}
        own_files |= {cell.row.get("market_index_public_sha256"), cell.row.get("file_no")}
        verdict = MISMATCH if error.file in own_files else NOT_AUDITED
        return self._verdict(cell, verdict, str(error), where=where)

    def _rules(self, cell: Cell) -> RowRules | None:
        kind = RULES.get(cell.mart.name)
        if kind is None or kind.rule(cell.field) is None:
            return None
        name = (cell.mart.name, *cell.key.values())
        if name not in self._rows:
            self._rows[name] = kind(self.desk, cell.row)
        return self._rows[name]

    def _method(self, cell: Cell, rules: RowRules) -> None:
        expected = rules.method(cell.field)
        if cell.field_group not in OWN_RECORD and cell.method != expected:
            raise _Finding(MISMATCH, "another method is on record than the value comes by", expected, cell.method)

    def _bytes_behind(self, cell: Cell) -> None:
        """Opens the files that the row itself names, whatever the auditor would have chosen."""
        for number in _evidence_numbers(cell):
            file = self._open(self._file_of(self.book.evidence.get(number)))
            if file is not None:
                file.content(self.book.open_object)

    def _open(self, ref: FileRef | None) -> SourceFile | None:
        if isinstance(ref, int):
            return self.book.files.get(ref)
        return next((file for file in self.book.public.values() if file.ref == ref), None)

    @staticmethod
    def _file_of(evidence: Row | None) -> FileRef | None:
        return None if evidence is None else evidence["file_no"] or evidence["public_sha256"]

    def _evidence(self, cell: Cell, support: Support) -> None:
        number = cell.row[f"{support.group}_evidence_no"]
        record_no = cell.row[f"{support.group}_record_no"]
        evidence = self.book.evidence.get(number)
        if evidence is None:
            raise _Finding(MISMATCH, f"evidence {number} is not on record")
        self._right_file(support, evidence)
        if record_no != support.record_no:
            what = f"the locator names another record ({self._key_of(support.file, record_no)})"
            raise _Finding(MISMATCH, what, support.record_no, record_no)
        if evidence["method"] != support.method:
            raise _Finding(MISMATCH, f"evidence {number} states another method", support.method, evidence["method"])
        group = "none" if support.file is None else _group_of(support)
        if evidence["field_group"] != group:
            raise _Finding(MISMATCH, f"evidence {number} is of another field group", group, evidence["field_group"])
        if support.evidence_no is not None and number != support.evidence_no:
            raise _Finding(MISMATCH, "the evidence is not that of the file's reading", support.evidence_no, number)

    def _right_file(self, support: Support, evidence: Row) -> None:
        expected = None if support.file is None else support.file.ref
        found = self._file_of(evidence)
        if found != expected:
            named, other = self._open(found), support.file
            raise _Finding(
                MISMATCH,
                "the evidence names another file than the value's",
                other and f"file {other.ref} ({other.stored.name}, {other.vintage})",
                f"file {found} ({named.stored.name}, {named.vintage})" if named else f"file {found}, not in force",
            )

    def _key_of(self, file: SourceFile | None, record_no: int | None) -> str:
        """The natural key of a record, for a person to see whose record it is."""
        if file is None or record_no is None:
            return "none"
        names = ("parcel_number", "unit_number", "account_number", "owner_name_raw", "zone_code", "county_fips")
        try:
            said = [(n, self.book.read(file, record_no, n).value) for n in names if file.columns.states(n)]
        except IndexError:
            return f"the file has {self.book.count(file)} records"
        return ", ".join(f"{name} {value}" for name, value in said if value is not None) or "no key"

    def _value(self, cell: Cell, rules: RowRules) -> None:
        rule = rules.rule(cell.field)
        expected = rule(rules) if rule else None
        if expected is AS_SUPPORTED:
            return
        found, kind = cell.row[cell.field], cell.mart.types[cell.field]
        tolerance = rules.tolerance or RELATIVE
        if not agrees(expected, found, kind, tolerance):
            raise _Finding(MISMATCH, "another value follows from the record", expected, found)


def _evidence_numbers(cell: Cell) -> list[int]:
    return [value for name, value in cell.row.items() if name.endswith("_evidence_no") and value]


def _group_of(support: Support) -> str:
    if support.method in (READING, NOTHING) and support.file is not None:
        return GROUP_OF_TYPE.get(support.file.row.get("record_type", ""), support.group)
    return support.group


def _where(support: Support) -> str | None:
    if support.file is None:
        return None
    return f"{support.file.stored.name} [{support.file.ref}], record {support.record_no}"

"""A tenant's files, opened once and read by the auditor's own readers: the ground that every rule stands on.

Belongs here: opening, checking and caching files, and records as cells. Does not belong here: rules. A file whose bytes
are not those recorded raises DamagedFileError for everything that needs it, once opened and every time after.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from auditor.columns import ColumnMap, Statement
from auditor.csv_file import CsvFile
from auditor.feature_file import Feature, read_features
from auditor.ledger import Ledger, Row
from auditor.objects import OpenObject, StoredFile, UnreadableFileError, read_stored

Content = CsvFile | list[Feature]


class DamagedFileError(RuntimeError):
    """A file that a rule needs is not what it was when it landed. `file` is its reference as in `FileRef`."""

    def __init__(self, file: FileRef, message: str) -> None:
        super().__init__(message)
        self.file = file


# A tenant's file by number, a public file by sha256.
FileRef = int | str


@dataclass(slots=True)
class SourceFile:
    """A file of the tenant, or a public one, with what the ledger records of it."""

    ref: FileRef
    row: Row
    stored: StoredFile
    columns: ColumnMap
    source_format: str
    _content: Content | None = field(default=None)
    _damage: str | None = field(default=None)

    @property
    def vintage(self) -> date | None:
        """The source's own date."""
        vintage: date | None = self.row["vintage"]
        return vintage

    @property
    def name(self) -> str:
        """The source's name: the tenant's own, or the layer's."""
        return str(self.row.get("source_name") or self.row.get("layer"))

    def content(self, open_object: OpenObject) -> Content:
        """The file's records. Raises DamagedFileError where the bytes are others, or cannot be read."""
        if self._damage is not None:
            raise DamagedFileError(self.ref, self._damage)
        if self._content is None:
            try:
                self._content = self._read(read_stored(open_object, self.stored))
            except (UnreadableFileError, ValueError, KeyError) as error:
                self._damage = str(error)
                raise DamagedFileError(self.ref, self._damage) from error
        return self._content

    def _read(self, content: bytes) -> Content:
        options = self.columns.options
        if self.source_format == "csv":
            return CsvFile(content, options.get("encoding") or "utf-8", options.get("delimiter") or ",")
        return read_features(content, self.source_format, options.get("layer"))


class Book:
    """One tenant's evidence, opened."""

    def __init__(self, ledger: Ledger, open_object: OpenObject, references: dict[str, Any]) -> None:
        self.ledger = ledger
        self.tenant_id = ledger.tenant_id
        self.open_object = open_object
        self.layers: dict[str, Any] = {entry["name"]: entry for entry in references.get("references", [])}
        self.evidence = ledger.evidence()
        self.refused = ledger.refused()
        self.counties = ledger.counties()
        self.files: dict[int, SourceFile] = {row["file_no"]: self._tenant_file(row) for row in ledger.source_files()}
        self.reliabilities = ledger.reliabilities()

    def _tenant_file(self, row: Row) -> SourceFile:
        stored = StoredFile(self.tenant_id, row["object_key"], row["sha256"], row["byte_count"], row["uri"])
        return SourceFile(row["file_no"], row, stored, ColumnMap(row["source_entry"]), row["source_format"])

    @cached_property
    def public(self) -> dict[str, SourceFile]:
        """Public files in force by layer name: of each layer the one received last."""
        found: dict[str, SourceFile] = {}
        for row in self.ledger.public_files():
            entry = self.layers.get(row["layer"])
            if entry is None or row["layer"] in found:
                continue
            stored = StoredFile(None, row["object_key"], row["sha256"], row["byte_count"], row["uri"])
            columns = ColumnMap({**entry, "files": [{}]})
            found[row["layer"]] = SourceFile(row["sha256"], row, stored, columns, entry["format"])
        return found

    def csv(self, file: SourceFile) -> CsvFile:
        """The file's content as delimited text."""
        content = file.content(self.open_object)
        if not isinstance(content, CsvFile):
            raise DamagedFileError(file.ref, f"{file.stored.name} is no delimited text")
        return content

    def features(self, file: SourceFile) -> list[Feature]:
        """The file's content as features."""
        content = file.content(self.open_object)
        if isinstance(content, CsvFile):
            raise DamagedFileError(file.ref, f"{file.stored.name} holds no features")
        return content

    def count(self, file: SourceFile) -> int:
        """How many records the file holds, refused ones included."""
        return len(file.content(self.open_object))

    def cells(self, file: SourceFile, record_no: int) -> dict[str, str | None]:
        """One record's cells, or one feature's properties, by name."""
        if file.source_format == "csv":
            text = self.csv(file)
            return dict(zip(text.header, text.record(record_no), strict=False))
        return property_texts(self.features(file)[record_no].properties)

    def read(self, file: SourceFile, record_no: int, name: str) -> Statement:
        """What a record says of a field; a county that is not stated is the tenant's only one."""
        return self.said(file, name, self.cells(file, record_no))

    def said(self, file: SourceFile, name: str, cells: dict[str, str | None]) -> Statement:
        """What cells already parsed say of a field."""
        statement = file.columns.read(name, cells)
        if name == "county_fips" and statement.value is None and len(self.counties) == 1:
            return Statement(self.counties[0])
        return statement

    def usable(self, file: SourceFile) -> list[int]:
        """Numbers of the records that neither the reader nor a gate refused."""
        stages = self.refused.get(int(file.ref), {})
        refused = stages.get("read", set()) | stages.get("gate", set())
        return [number for number in range(self.count(file)) if number not in refused]

    def of_type(self, record_type: str) -> list[SourceFile]:
        """The tenant's files of one type of record, by number."""
        return [file for file in self.files.values() if file.row["record_type"] == record_type]


def property_texts(properties: dict[str, Any]) -> dict[str, str | None]:
    """A feature's properties as a column map reads them: text, whole numbers without a point."""
    return {name: None if value is None else _text(value) for name, value in properties.items()}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)

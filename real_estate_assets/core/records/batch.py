"""What reading a source file gives: batches of accepted rows, refused rows, refused cells, and the error for a file.

Belongs here: the plain values that travel between the reader and whoever stores what it read. Does not belong here:
how bytes become rows (`delimited.py`, `features.py`) or how text becomes values (`mapping.py`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

NullReason = Literal["null_marker", "out_of_bounds", "unparseable"]
RejectionRule = Literal[
    "undecodable_text",  # bytes that the declared encoding does not know
    "nul_byte",  # a zero byte: no text, and Postgres cannot hold it
    "wrong_cell_count",  # more or fewer cells than the header has
    "unclosed_quote",  # a quote that opens and never closes
    "empty_geometry",  # a feature without a shape
    "unreadable_geometry",  # a shape that cannot be built, or has no polygon where polygons are due
    "malformed_feature",  # a feature that is not valid JSON
]

RECORD_NO = "record_no"
NULL_REASONS = "null_reasons"


@dataclass(frozen=True, slots=True)
class Rejection:
    """One row that is refused while reading. `value` is the row's own text, cut to 200 characters."""

    record_no: int
    column: str | None
    value: str
    rule: RejectionRule
    message: str


@dataclass(frozen=True, slots=True)
class CellIssue:
    """One cell that became null although the source had text. `column` is the canonical field."""

    record_no: int
    column: str
    value: str
    reason: NullReason


@dataclass(frozen=True, slots=True)
class RecordBatch:
    """Successive records of one file; `rows_in == accepted.height + len(rejected)`, always.

    `accepted` has `record_no` (int64), every canonical field of the record type in table order (unmapped ones null)
    and `null_reasons` (JSON text `{"field": "reason"}` or null). Types: text String, integer Int32, double precision
    Float64, numeric(14,2) Decimal(14, 2), boolean, date Date, geometry Binary (WKB, EPSG:4326).
    """

    accepted: pl.DataFrame
    rejected: list[Rejection] = field(default_factory=list)
    cell_issues: list[CellIssue] = field(default_factory=list)
    rows_in: int = 0


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """Byte offsets, in the unpacked file, of every `every`-th record, from record 0. Empty for GeoJSON and TopoJSON.

    `records` is how many records the file has.
    """

    every: int
    offsets: list[int]
    records: int


class UnreadableFile(Exception):
    """A file that cannot be read as it is declared. The message names file, row or column, and what to do.

    `code` is a stable word for programs: missing_column, duplicate_column, empty_file, not_text, missing_crs,
    wrong_crs, conflicting_crs, too_large, broken_archive, wrong_format, changed_while_read.
    May be raised after batches were given: whoever stores them must store all of a file or nothing.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message

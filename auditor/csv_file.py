"""Delimited text, read by RFC 4180 from bytes: a record by its number, without keeping all records parsed.

Belongs here: where records begin and end, and their cells as text. Does not belong here: what a cell means (`columns`).
Quotes may hold line ends and doubled quotes; lines end with CR LF, LF or CR alone; a byte order mark is left out; blank
lines are no records. Bytes are cut, not characters, so that any encoding in which ASCII means itself can be read.
"""

from __future__ import annotations

import csv
import io
import re
from array import array
from collections.abc import Iterator

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
csv.field_size_limit(1 << 30)  # a cell may be as long as a record


class CsvFile:
    """One csv file. Record 0 is the first after the header. Memory: the bytes and 8 bytes a record."""

    def __init__(self, content: bytes, encoding: str = "utf-8", delimiter: str = ",") -> None:
        self._content = content
        self._encoding = "utf-8" if encoding.lower().replace("_", "-") in ("utf-8-sig", "utf8-sig") else encoding
        self._delimiter = delimiter
        comma = re.escape(delimiter.encode("ascii"))
        quoted = rb'"(?:[^"]++|"")*+"[^' + comma + rb"\r\n]*+"
        bare = rb"[^" + comma + rb"\r\n]*+"
        field = rb"(?:" + quoted + rb"|" + bare + rb")"
        self._record = re.compile(field + rb"(?:" + comma + field + rb")*+(?:\r\n?|\n|\Z)")
        starts = self._starts()
        self.header = self._cells(starts[0]) if starts else []
        self._starts_of_records = array("Q", starts[1:])
        self.column = {name: place for place, name in enumerate(self.header)}

    def _starts(self) -> list[int]:
        at = len(BYTE_ORDER_MARK) if self._content.startswith(BYTE_ORDER_MARK) else 0
        end, starts = len(self._content), []
        while at < end:
            match = self._record.match(self._content, at)
            if match is None or match.end() == at:
                raise ValueError(f"the text cannot be cut into records at byte {at}")
            if self._content[at : at + 1] not in (b"\r", b"\n"):
                starts.append(at)
            at = match.end()
        return starts

    def __len__(self) -> int:
        return len(self._starts_of_records)

    def record(self, number: int) -> list[str]:
        """The cells of one record. Raises IndexError where the file has none of that number."""
        if number < 0:
            raise IndexError(number)
        return self._cells(self._starts_of_records[number])

    def byte_offset(self, number: int) -> int:
        """Where the record begins in the unpacked file."""
        return self._starts_of_records[number]

    def records(self) -> Iterator[list[str]]:
        """Every record in order."""
        return map(self._cells, self._starts_of_records)

    def _cells(self, at: int) -> list[str]:
        match = self._record.match(self._content, at)
        line = match.group() if match else b""
        text = line.decode(self._encoding, errors="replace")
        if b'"' not in line:  # most records of most files
            return text.rstrip("\r\n").split(self._delimiter)
        # One record's text, so that the standard parser has nothing left to find but its cells.
        return next(csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter))

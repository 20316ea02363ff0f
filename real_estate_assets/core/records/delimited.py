"""The grammar of delimited text, byte by byte: where a record ends and what its cells are. This is the definition.

A cell that starts with `"` runs to its closing quote (`""` inside is one quote); whatever stands between that and the
next delimiter is added as it is. In any other cell a quote is a plain character. A record ends at `\\n`, `\\r\\n` or
`\\r` outside a quoted cell. A line of nothing but blanks is no record.

Belongs here: one record at a time, exactly. `blocks.py` does the same for millions of clean records at once, and gives
way to this where a block is not clean. Works on any encoding in which ASCII bytes mean themselves.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from real_estate_assets.core.records.batch import RejectionRule

# A quoted cell is sought this far; a quote that has not closed by then is taken for a stray one.
MAX_RECORD_BYTES = 1 << 18
_LINE_END = re.compile(rb"[\r\n]")


@dataclass(frozen=True, slots=True)
class Span:
    """One record's place: content from `start` to `end`, the next record from `after`; `fault` where it is broken."""

    start: int
    end: int
    after: int
    fault: RejectionRule | None = None


class MoreBytesNeeded(Exception):
    """The record does not end within the bytes at hand."""


class RecordGrammar:
    """The grammar for one delimiter and, once the header is known, one number of cells."""

    def __init__(self, delimiter: bytes, cell_count: int | None = None) -> None:
        self.delimiter = delimiter
        self.cell_count = cell_count
        self._quoted, self._plain, self._tidy_line = _cell_patterns(delimiter)
        self._blanks = b" " if delimiter == b"\t" else b" \t"

    def next_span(self, data: bytes, start: int, *, is_last: bool) -> Span | None:
        """The first record at or after `start`; None where only blank lines are left.

        `is_last` says that the file ends with `data`. Raises MoreBytesNeeded where it does not and the record goes on.
        """
        while start < len(data):
            line = self._line(data, start, is_last=is_last)
            if data[start : line.end].strip(self._blanks):
                return self._record(data, line, is_last=is_last)
            start = line.after
        if is_last:
            return None
        raise MoreBytesNeeded

    def cells(self, record: bytes) -> list[bytes]:
        """The cells of one record's content."""
        if b'"' not in record:
            return record.split(self.delimiter)
        return self._cells_until_end(record)[0]

    def _line(self, data: bytes, start: int, *, is_last: bool) -> Span:
        """The physical line at `start`."""
        match = _LINE_END.search(data, start)
        if match is None:
            if is_last:
                return Span(start, len(data), len(data))
            raise MoreBytesNeeded
        end = match.start()
        if data[end : end + 1] == b"\n":
            return Span(start, end, end + 1)
        if end + 1 == len(data) and not is_last:
            raise MoreBytesNeeded  # it may be the first half of \r\n
        return Span(start, end, end + 2 if data[end + 1 : end + 2] == b"\n" else end + 1)

    def _record(self, data: bytes, line: Span, *, is_last: bool) -> Span:
        if data.find(b'"', line.start, line.end) < 0:
            return line
        tidy = self._tidy_line.match(data, line.start, min(line.end, line.start + MAX_RECORD_BYTES))
        if tidy is not None and tidy.end() == line.end:
            return line  # every quote of the line is closed in it, so the rules below would say the same
        limit = line.start + MAX_RECORD_BYTES
        end, is_whole = self._end_of_record(data, line.start, min(limit, len(data)))
        if end is None or (end == len(data) and not is_last):
            if not is_last and len(data) <= limit:
                raise MoreBytesNeeded
            return self._after_stray_quote(data, line, is_last=is_last)
        if end <= line.end:
            return line
        if not is_whole and self._next_line_is_whole(data, line, is_last):
            return Span(line.start, line.end, line.after, "unclosed_quote")
        last = self._line(data, end, is_last=is_last)
        return Span(line.start, end, last.after)

    def _end_of_record(self, data: bytes, start: int, limit: int) -> tuple[int | None, bool]:
        """Where the record's content ends (None: a quote does not close before `limit`).

        Also whether it is whole: as many cells as the header has, and every quote where quoting puts it.
        """
        position, count, is_tidy = start, 0, True
        while True:
            is_quoted = data[position : position + 1] == b'"'
            match = (self._quoted if is_quoted else self._plain).match(data, position, limit)
            if match is None:
                return None, False
            is_tidy = is_tidy and not (match.group(2) if is_quoted else b'"' in match.group())
            position, count = match.end(), count + 1
            if position >= limit and limit < len(data):
                return None, False
            if data[position : position + 1] != self.delimiter:
                return position, is_tidy and count == self.cell_count
            position += 1

    def _after_stray_quote(self, data: bytes, line: Span, *, is_last: bool) -> Span:
        """A quote never closes: one line is lost where the next is whole, all that is left of the file otherwise."""
        beyond = len(data) > line.start + MAX_RECORD_BYTES
        if beyond or self._next_line_is_whole(data, line, is_last):
            return Span(line.start, line.end, line.after, "unclosed_quote")
        end = len(data.rstrip(b"\r\n"))
        return Span(line.start, max(end, line.end), len(data), "unclosed_quote")

    def _next_line_is_whole(self, data: bytes, line: Span, is_last: bool) -> bool:
        """Whether the next line is a faultless record by itself; then the quote before it was a stray one.

        A line that ends a real multi-line cell holds a bare quote and does not pass: it must not become a record.
        """
        if line.after >= len(data) or self.cell_count is None:
            return False
        follower = self._line(data, line.after, is_last=is_last)
        text = data[follower.start : follower.end]
        cells, is_tidy = self._cells_until_end(text)
        return is_tidy and len(cells) == self.cell_count

    def _cells_until_end(self, record: bytes) -> tuple[list[bytes], bool]:
        """The cells, and whether every quote stands where quoting puts it."""
        cells: list[bytes] = []
        position, is_tidy = 0, True
        while True:
            match = self._quoted.match(record, position) if record[position : position + 1] == b'"' else None
            if match is not None:
                inner, tail = match.group(1), match.group(2)
                cells.append(inner.replace(b'""', b'"') + tail)
                is_tidy = is_tidy and not tail
            else:
                match = self._plain.match(record, position)
                text = match.group() if match else b""
                cells.append(text)
                is_tidy = is_tidy and b'"' not in text
            position += len(match.group()) if match else 0
            if record[position : position + 1] != self.delimiter:
                return cells, is_tidy and position == len(record)
            position += 1


@lru_cache(maxsize=8)
def _cell_patterns(delimiter: bytes) -> tuple[re.Pattern[bytes], re.Pattern[bytes], re.Pattern[bytes]]:
    """A quoted cell with what follows its closing quote, a plain cell, and cells that quoting leaves nothing to ask of.

    Possessive, so that nothing is read twice.
    """
    mark = re.escape(delimiter)
    other = rb"[^" + mark + rb"\r\n]*+"
    tidy = rb'(?:"(?:[^"\r\n]++|"")*+"|[^"' + mark + rb"\r\n]*+)"
    return (
        re.compile(rb'"((?:[^"]++|"")*+)"(' + other + rb")"),
        re.compile(other),
        re.compile(tidy + rb"(?:" + mark + tidy + rb")*+"),
    )

"""A stream of bytes as blocks of whole records: found by arithmetic where the bytes are clean, one by one where not.

Clean means: every quote opens or closes a cell or is doubled inside one, every record has as many cells as the header,
no zero byte. Then the parity of quotes tells which line ends are real, and `delimited.py` would find the same records
(a property test says so). The record index of the auditor is made from the same blocks as the rows, so the two agree.

Belongs here: cutting the stream. Does not belong here: text, encodings, values.
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from real_estate_assets.core.records.batch import RejectionRule, UnreadableFile
from real_estate_assets.core.records.delimited import MAX_RECORD_BYTES, MoreBytesNeeded, RecordGrammar

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK_BYTES = 4 << 20
PART_BYTES = 1 << 17  # after an unclean place the rest of its block goes on in such parts, so that little is slow
MAX_LINE_BYTES = 16 << 20
_QUOTE, _NEWLINE, _RETURN = ord('"'), ord("\n"), ord("\r")


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Whole records: record i is `data[starts[i]:ends[i]]`, at byte `offset + starts[i]` of the unpacked file.

    `is_clean` means that every record has as many cells as the header and no fault. `is_plain` means that `data` holds
    nothing but these records, one `\\n` after each.
    """

    data: bytes
    offset: int
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    is_clean: bool
    is_plain: bool
    faults: dict[int, RejectionRule] = field(default_factory=dict)


class BlockScanner:
    """Reads the header, then the records, of one file.

    `chunks` are the unpacked bytes, in order. To go on in the middle of a file, at the start of a record, give that
    place as `offset` and the number of cells the header has as `columns`, and leave the header out.
    """

    def __init__(self, chunks: Iterable[bytes], delimiter: str, *, offset: int = 0, columns: int | None = None) -> None:
        self._chunks = iter(chunks)
        self._delimiter = delimiter.encode("ascii")
        self._grammar = RecordGrammar(self._delimiter, columns)
        self._data = b""
        self._offset = offset
        self._is_last = False
        self._in_parts_until = 0

    def header(self) -> list[bytes] | None:
        """The cells of the first line that is not blank; None where there is none. A byte order mark is left out."""
        self._read_more(len(codecs.BOM_UTF8))
        if self._data.startswith(codecs.BOM_UTF8):
            self._drop(len(codecs.BOM_UTF8))
        while True:
            try:
                span = self._grammar.next_span(self._data, 0, is_last=self._is_last)
                break
            except MoreBytesNeeded:
                self._read_past_long_record()
        if span is None:
            return None
        cells = self._grammar.cells(self._data[span.start : span.end])
        self._drop(span.after)
        self._grammar = RecordGrammar(self._delimiter, len(cells))
        return cells

    def blocks(self) -> Iterator[RecordBlock]:
        """Every record after the header, in order. Blank lines are left out."""
        while True:
            self._read_more(BLOCK_BYTES)
            if not self._data:
                return
            block, used = self._next_block()
            if block is not None and len(block.starts):
                yield block
            self._drop(used)
            if self._is_last and not self._data:
                return

    @property
    def offset(self) -> int:
        """Where in the unpacked file the bytes begin that are still to be scanned."""
        return self._offset

    def rest(self) -> Iterator[bytes]:
        """The bytes still to be scanned, as they are."""
        yield self._data
        yield from self._chunks

    def _drop(self, count: int) -> None:
        self._data = self._data[count:]
        self._offset += count

    def _read_more(self, wanted: int) -> None:
        """Fills the bytes at hand up to `wanted`, or to the end of the file."""
        pieces, size = [self._data], len(self._data)
        while size < wanted and not self._is_last:
            piece = next(self._chunks, None)
            if piece is None:
                self._is_last = True
            else:
                pieces.append(piece)
                size += len(piece)
        self._data = b"".join(pieces)

    def _next_block(self) -> tuple[RecordBlock | None, int]:
        """The next records and the bytes they take: of all bytes at hand where they are clean, of a part otherwise."""
        if self._offset >= self._in_parts_until:
            block = self._clean_block(self._data, is_last=self._is_last)
            if block is not None:
                return block
            self._in_parts_until = self._offset + len(self._data)
        part = self._data[:PART_BYTES]
        block = self._clean_block(part, is_last=self._is_last and len(part) == len(self._data))
        return block if block is not None else self._careful_block()

    def _clean_block(self, data: bytes, *, is_last: bool) -> tuple[RecordBlock, int] | None:
        """The records up to the last one that ends in `data`, found by arithmetic; None where it is not clean."""
        columns = self._grammar.cell_count
        if columns is None or columns < 2 or b"\0" in data:
            return None
        return clean_block(data, self._offset, self._delimiter, columns, is_last=is_last)

    def _careful_block(self) -> tuple[RecordBlock | None, int]:
        """The records that begin in the first part of the bytes at hand and end in them, found one by one."""
        data, position = self._data, 0
        starts: list[int] = []
        ends: list[int] = []
        faults: dict[int, RejectionRule] = {}
        try:
            while position < PART_BYTES:
                span = self._grammar.next_span(data, position, is_last=self._is_last)
                if span is None:
                    position = len(data)
                    break
                if span.fault:
                    faults[len(starts)] = span.fault
                starts.append(span.start)
                ends.append(span.end)
                position = span.after
        except MoreBytesNeeded:
            if not starts:
                position = len(data) - len(data.lstrip(b"\r\n"))
                self._read_past_long_record()
        block = RecordBlock(
            data, self._offset, np.array(starts, np.int64), np.array(ends, np.int64), False, False, faults
        )
        return block, position

    def _read_past_long_record(self) -> None:
        """One record fills all bytes at hand: more are read, up to a length that no honest row has."""
        if len(self._data) > MAX_LINE_BYTES:
            raise UnreadableFile(
                "not_text",
                f"no line ends within {MAX_LINE_BYTES >> 20} MB after byte {self._offset:,}: no delimited text. "
                "Check the file and the declared format.",
            )
        self._read_more(len(self._data) + 1)


def clean_block(
    data: bytes, offset: int, delimiter: bytes, columns: int, *, is_last: bool
) -> tuple[RecordBlock, int] | None:
    """The whole records of `data` and how many bytes they take; None unless all of them are clean."""
    codes = np.frombuffer(data, np.uint8)
    quotes = np.flatnonzero(codes == _QUOTE) if b'"' in data else np.empty(0, np.int64)
    outside = _outside_quotes(codes) if len(quotes) else None
    line_ends = _line_ends(data, codes, outside, is_last=is_last)
    if is_last and (not len(line_ends) or line_ends[-1] != len(data) - 1):
        line_ends = np.append(line_ends, len(data))  # the last line has no end of its own
    if not len(line_ends):
        return None
    used = min(int(line_ends[-1]) + 1, len(data))
    if not _quotes_are_tidy(codes, quotes[quotes < used], delimiter[0], used):
        return None
    starts = np.concatenate((np.zeros(1, np.int64), line_ends[:-1] + 1))
    ends = line_ends.copy()
    has_returns = b"\r" in data
    if has_returns:
        after_return = (
            (ends > starts) & (codes[np.minimum(ends, len(data) - 1)] == _NEWLINE) & (codes[ends - 1] == _RETURN)
        )
        ends -= after_return
    is_record = ends > starts
    starts, ends = starts[is_record], ends[is_record]
    if not _cell_counts_are(codes, outside, delimiter[0], starts, ends, columns):
        return None
    if len(ends) and int((ends - starts).max()) >= MAX_RECORD_BYTES:
        return None
    is_plain = not has_returns and bool(is_record.all())
    return RecordBlock(data[:used], offset, starts, ends, True, is_plain), used


def _outside_quotes(codes: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """For every byte, whether the number of quotes up to it is even."""
    parity: NDArray[np.bool_] = np.bitwise_xor.accumulate(codes == _QUOTE)
    return ~parity


def _line_ends(
    data: bytes, codes: NDArray[np.uint8], outside: NDArray[np.bool_] | None, *, is_last: bool
) -> NDArray[np.int64]:
    """Places of `\\n`, and of `\\r` that no `\\n` follows, outside quotes."""
    is_end = codes == _NEWLINE
    if b"\r" in data:
        is_return = codes == _RETURN
        is_return[:-1] &= ~is_end[1:]
        is_return[-1] &= is_last  # more bytes may bring its \n
        is_end |= is_return
    if outside is not None:
        is_end &= outside
    return np.flatnonzero(is_end)


def _quotes_are_tidy(codes: NDArray[np.uint8], quotes: NDArray[np.int64], delimiter: int, used: int) -> bool:
    """Whether each quote opens a cell at its start, closes it at its end, or is one of a doubled pair inside."""
    if not len(quotes):
        return True
    if len(quotes) % 2:
        return False
    opening, closing = quotes[0::2], quotes[1::2]
    is_doubled = np.zeros(len(opening), bool)
    is_doubled[1:] = opening[1:] == closing[:-1] + 1
    before = codes[np.maximum(opening - 1, 0)]
    opens_well = (opening == 0) | (before == delimiter) | (before == _NEWLINE) | (before == _RETURN) | is_doubled
    after = codes[np.minimum(closing + 1, len(codes) - 1)]
    closes_well = (closing + 1 >= used) | (after == delimiter) | (after == _NEWLINE) | (after == _RETURN)
    closes_well[:-1] |= is_doubled[1:]
    return bool(opens_well.all() and closes_well.all())


def _cell_counts_are(
    codes: NDArray[np.uint8],
    outside: NDArray[np.bool_] | None,
    delimiter: int,
    starts: NDArray[np.int64],
    ends: NDArray[np.int64],
    columns: int,
) -> bool:
    is_delimiter = codes == delimiter
    if outside is not None:
        is_delimiter &= outside
    places = np.flatnonzero(is_delimiter)
    counts = np.searchsorted(places, ends) - np.searchsorted(places, starts)
    return bool((counts == columns - 1).all())

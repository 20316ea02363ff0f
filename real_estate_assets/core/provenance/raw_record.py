"""One record of a source file as it stands there, with the cells that fed a value marked.

Belongs here: where the named cells stand in the text of a delimited record or of a feature. Does not belong here:
finding the record (`stores/raw_records.py`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_QUOTE = '"'


@dataclass(frozen=True, slots=True)
class SourceCell:
    """One cell of the record that fed the value. start, end: where it stands in the record's text, quotes included."""

    column: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RawRecord:
    """A record's own text. cells: those that fed the value; missing: columns asked for that the record does not have.

    Without text, `problem` says why it could not be read.
    """

    text: str | None
    columns: tuple[str, ...] = ()
    cells: tuple[SourceCell, ...] = ()
    missing: tuple[str, ...] = ()
    is_verified: bool = False  # the file's bytes were hashed and compared with the recorded sha256 while reading
    problem: str | None = None


def delimited_record(text: str, header: Sequence[str], delimiter: str, wanted: Sequence[str]) -> RawRecord:
    """A record of a delimited file, with the wanted columns' cells marked."""
    spans = list(delimited_spans(text, delimiter))
    cells, missing = [], []
    for column in wanted:
        place = header.index(column) if column in header else len(spans)
        if place >= len(spans):
            missing.append(column)
            continue
        start, end = spans[place]
        cells.append(SourceCell(column, _unquoted(text[start:end]), start, end))
    return RawRecord(text, tuple(wanted), tuple(cells), tuple(missing), is_verified=True)


def delimited_spans(text: str, delimiter: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each cell in one record. A quote opens a quoted cell only where the cell begins (RFC 4180)."""
    start = position = 0
    while True:
        if text.startswith(_QUOTE, start):
            position = _end_of_quoted(text, start)
        end = text.find(delimiter, position)
        if end < 0:
            yield start, len(text)
            return
        yield start, end
        start = position = end + len(delimiter)


def _end_of_quoted(text: str, start: int) -> int:
    """Just behind the quote that closes the cell; the text's end where none does."""
    position = start + 1
    while (quote := text.find(_QUOTE, position)) >= 0:
        if not text.startswith(_QUOTE, quote + 1):
            return quote + 1
        position = quote + 2
    return len(text)


def _unquoted(cell: str) -> str:
    if len(cell) >= 2 and cell.startswith(_QUOTE) and cell.endswith(_QUOTE):
        return cell[1:-1].replace(_QUOTE * 2, _QUOTE)
    return cell


def feature_record(text: str, wanted: Sequence[str]) -> RawRecord:
    """A GeoJSON or TopoJSON feature, with the wanted properties marked; its coordinates stay in the text."""
    found = {column: span for column, *span in _property_spans(text, set(wanted))}
    cells = [SourceCell(column, text[start:end], start, end) for column, (start, end) in found.items()]
    cells.sort(key=lambda cell: wanted.index(cell.column))
    missing = tuple(column for column in wanted if column not in found)
    return RawRecord(text, tuple(wanted), tuple(cells), missing, is_verified=True)


_MEMBER = re.compile(r'"((?:[^"\\]|\\.)*)"\s*:\s*')


def _property_spans(text: str, wanted: Collection[str]) -> Iterator[tuple[str, int, int]]:
    """(name, start, end) of the values of `properties`. Nothing where the text is no feature."""
    opened = _properties_start(text)
    if opened is None:
        return
    position = opened
    while (member := _MEMBER.search(text, position)) is not None:
        end = _value_end(text, member.end())
        if end is None:
            return
        name = json.loads(f'"{member[1]}"')
        if name in wanted:
            yield name, member.end(), end
        position = end
        if text[position:].lstrip().startswith("}"):
            return


def _properties_start(text: str) -> int | None:
    """Just behind the brace that opens the feature's own `properties`: a member of the outermost object."""
    position = text.find("{") + 1
    while (member := _MEMBER.search(text, position)) is not None:
        if member[1] == "properties" and text.startswith("{", member.end()):
            return member.end() + 1
        end = _value_end(text, member.end())
        if end is None:
            return None
        position = end
    return None


def _value_end(text: str, start: int) -> int | None:
    try:
        _, end = _DECODER.raw_decode(text, start)
    except ValueError:
        return None
    return int(end)


_DECODER: Any = json.JSONDecoder()


def excerpt(record: RawRecord, room: int) -> tuple[str, list[tuple[int, int]], int]:
    """About `room` characters of the text, around the marked cells: (shown, marks in it, characters left out).

    The marked cells are always shown whole, with what stands beside them.
    """
    text = record.text or ""
    marks = sorted((cell.start, cell.end) for cell in record.cells)
    windows = [(0, len(text))] if len(text) <= room else _windows(marks, len(text), room)
    shown, moved, position = "", list[tuple[int, int]](), 0
    for left, right in windows:
        shown += _CUT if left > position else ""
        offset = len(shown) - left
        shown += text[left:right]
        moved += [(start + offset, end + offset) for start, end in marks if left <= start and end <= right]
        position = right
    shown += _CUT if position < len(text) else ""
    return shown, moved, len(text) - sum(right - left for left, right in windows)


_CUT = "…"


def _windows(marks: Sequence[tuple[int, int]], length: int, room: int) -> list[tuple[int, int]]:
    """Stretches of a text of `length` around each mark, merged where they touch."""
    if not marks:
        return [(0, room)]
    margin = max((room - sum(end - start for start, end in marks)) // (2 * len(marks)), 12)
    merged: list[tuple[int, int]] = []
    for start, end in marks:
        left, right = max(start - margin, 0), min(end + margin, length)
        if merged and left <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(right, merged[-1][1]))
        else:
            merged.append((left, right))
    return merged

"""Delimited files: the header held against the column map, then batches of canonical records.

Belongs here: what is checked once per file (header, columns) and the loop over its blocks. Does not belong here: the
grammar of records and the meaning of cells (`core/records`).
"""

from __future__ import annotations

import codecs
from collections.abc import Iterable, Iterator

from real_estate_assets.core.records.batch import RecordBatch, UnreadableFile
from real_estate_assets.core.records.blocks import BlockScanner
from real_estate_assets.core.records.mapping import map_records, source_columns
from real_estate_assets.core.records.text_frames import (
    TextColumns,
    TextFrame,
    frame_of_block,
    joined_frames,
    utf8_characters,
)
from real_estate_assets.core.tenants.expressions import columns_of
from real_estate_assets.core.tenants.model import Layout
from real_estate_assets.core.tenants.problems import nearest

MIN_UTF8_CHARACTERS = 3


def read_csv(
    chunks: Iterable[bytes], layout: Layout, name: str, county_fips: list[str], batch_rows: int
) -> Iterator[RecordBatch]:
    """Batches of at most `batch_rows` records. `name` is the file's name in messages.

    Raises UnreadableFile where the header does not fit the map, or the bytes are no delimited text.
    """
    scanner = BlockScanner(chunks, layout.delimiter)
    columns = open_header(scanner, layout, name)
    pending: list[TextFrame] = []
    first = record_no = 0
    is_ascii = True
    for block in scanner.blocks():
        if is_ascii and not block.data.isascii():
            _refuse_undeclared_utf8(block.data, columns)
            is_ascii = False
        if pending and record_no + len(block.starts) - first > batch_rows:
            yield from _batches(joined_frames(pending), record_no - first, first, layout, county_fips, batch_rows)
            pending, first = [], record_no
        pending.append(frame_of_block(block, record_no, columns))
        record_no += len(block.starts)
    if pending:
        yield from _batches(joined_frames(pending), record_no - first, first, layout, county_fips, batch_rows)


def open_header(scanner: BlockScanner, layout: Layout, name: str) -> TextColumns:
    """Reads the header and finds the columns the layout names.

    Raises UnreadableFile: empty_file, not_text, duplicate_column, missing_column.
    """
    cells = scanner.header()
    if cells is None:
        raise UnreadableFile("empty_file", f"{name}: the file is empty. Fetch it again, or leave it out.")
    _refuse_other_text(cells[0], name)
    # The mark is gone with the header; further on the same bytes would be text of the cell they stand in.
    encoding = "utf-8" if codecs.lookup(layout.encoding).name == "utf-8-sig" else layout.encoding
    try:
        header = tuple(cell.decode(encoding).strip() for cell in cells)
    except UnicodeDecodeError:
        raise UnreadableFile(
            "not_text", f"{name}: the header is not {layout.encoding}. Declare the encoding the file is in."
        ) from None
    if any("\0" in column for column in header):
        raise UnreadableFile("not_text", f"{name}: the header holds zero bytes; this is no delimited text.")
    twice = sorted({column for column in header if column and header.count(column) > 1})
    if twice:
        raise UnreadableFile(
            "duplicate_column",
            f"{name}: the header names column '{twice[0]}' more than once, so it cannot be told which is meant. "
            "Rename one of them in the file.",
        )
    _refuse_missing(header, layout, name)
    places = {header.index(column): column for column in source_columns(layout)}
    return TextColumns(name, places, header, encoding, layout.delimiter)


def _refuse_other_text(start: bytes, name: str) -> None:
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise UnreadableFile("not_text", f"{name}: the file is UTF-16. Save it as UTF-8 and declare that.")


def _refuse_undeclared_utf8(data: bytes, columns: TextColumns) -> None:
    """Judged once, by the first block that has anything beyond ASCII."""
    count = utf8_characters(data, columns.encoding)
    if count >= MIN_UTF8_CHARACTERS:
        raise UnreadableFile(
            "not_text",
            f"{columns.file}: is declared {columns.encoding}, but the first {count:,} characters beyond ASCII are all "
            "valid UTF-8, as no other encoding is by chance. Declare utf-8.",
        )


def _refuse_missing(header: tuple[str, ...], layout: Layout, name: str) -> None:
    faults = [
        f"column '{column}' (for {field}) is not in the header; {nearest(column, [c for c in header if c])}"
        for field, expression in layout.columns.items()
        for column in columns_of(expression)
        if column not in header
    ]
    if faults:
        raise UnreadableFile(
            "missing_column",
            f"{name}: " + "; ".join(dict.fromkeys(faults)) + " Correct the column's name in the tenant file.",
        )


def _batches(
    frame: TextFrame, rows: int, first: int, layout: Layout, county_fips: list[str], batch_rows: int
) -> Iterator[RecordBatch]:
    """The records of some blocks, cut into batches by record number."""
    for low in range(first, first + rows, batch_rows):
        high = min(low + batch_rows, first + rows)
        if rows <= batch_rows:
            texts, numbers = frame.texts, frame.record_nos
        else:
            here = (frame.record_nos >= low) & (frame.record_nos < high)
            texts, numbers = frame.texts.filter(here), frame.record_nos.filter(here)
        accepted, issues = map_records(texts, numbers, layout, county_fips)
        rejected = [rejection for rejection in frame.rejected if low <= rejection.record_no < high]
        yield RecordBatch(accepted, rejected, issues, high - low)

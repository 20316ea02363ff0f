"""A block of delimited records as a frame of texts, and the rows that cannot be one.

A clean block goes to polars whole; any other goes through the grammar row by row, with the same result (a property
test says so). Belongs here: cells, encodings, and why a row is refused. Does not belong here: what a text means.
"""

from __future__ import annotations

import codecs
import csv
from dataclasses import dataclass
from typing import TYPE_CHECKING

from real_estate_assets.core.records.batch import Rejection, RejectionRule
from real_estate_assets.core.records.blocks import RecordBlock
from real_estate_assets.core.records.delimited import RecordGrammar

if TYPE_CHECKING:
    import polars as pl

MAX_SHOWN = 200


@dataclass(frozen=True, slots=True)
class TextColumns:
    """What to take from each row: names by position, of a header with `width` cells, in `encoding`."""

    file: str
    names: dict[int, str]
    header: tuple[str, ...]
    encoding: str
    delimiter: str

    @property
    def width(self) -> int:
        """How many cells a row has."""
        return len(self.header)


@dataclass(frozen=True, slots=True)
class TextFrame:
    """The accepted rows of a block: their texts, their record numbers, and the rows that were refused."""

    texts: pl.DataFrame
    record_nos: pl.Series
    rejected: list[Rejection]


def utf8_characters(data: bytes, encoding: str) -> int:
    """How many characters beyond ASCII `data` has as UTF-8, where another encoding of single bytes is declared.

    0 where it is no UTF-8, or UTF-8 is what is declared. Text of another encoding hardly ever passes for UTF-8: read
    as declared, such a file would be full of `Ã©` without a single error.
    """
    if data.isascii() or codecs.lookup(encoding).name in ("utf-8", "ascii"):
        return 0
    try:
        return sum(not character.isascii() for character in data.decode("utf-8"))
    except UnicodeDecodeError:
        return 0


def frame_of_block(block: RecordBlock, first_record_no: int, columns: TextColumns) -> TextFrame:
    """The texts of a block's records, the first of which has the number `first_record_no`."""
    import polars as pl

    texts = _clean_frame(block, columns) if block.is_clean else None
    if texts is not None:
        numbers = pl.Series(range(first_record_no, first_record_no + texts.height), dtype=pl.Int64)
        return TextFrame(texts, numbers, [])
    return _careful_frame(block, first_record_no, columns)


def joined_frames(frames: list[TextFrame]) -> TextFrame:
    """Successive frames as one: what follows costs as much for ten rows as for thousands."""
    import polars as pl

    if len(frames) == 1:
        return frames[0]
    return TextFrame(
        pl.concat([frame.texts for frame in frames]),
        pl.concat([frame.record_nos for frame in frames]),
        [rejection for frame in frames for rejection in frame.rejected],
    )


def _clean_frame(block: RecordBlock, columns: TextColumns) -> pl.DataFrame | None:
    """The whole block at once, or None where its bytes are not all text in the declared encoding."""
    import polars as pl

    data = block.data
    if not block.is_plain:
        spans = zip(block.starts.tolist(), block.ends.tolist(), strict=True)
        data = b"\n".join([data[start:end] for start, end in spans])
    text = _as_utf8(data, columns.encoding)
    if text is None:
        return None
    wanted = sorted(columns.names) or [0]
    frame = pl.read_csv(
        text,
        has_header=False,
        schema={str(i): pl.String for i in range(columns.width)},
        columns=wanted,
        separator=columns.delimiter,
        empty_string_is_null=False,
    )
    if frame.height != len(block.starts):
        return None
    frame.columns = [columns.names.get(i, str(i)) for i in wanted]
    return frame


def _as_utf8(data: bytes, encoding: str) -> bytes | None:
    """The same text in UTF-8, or None where the bytes are not in `encoding`."""
    if data.isascii():
        return data
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return None
    return data if codecs.lookup(encoding).name == "utf-8" else text.encode()


def _careful_frame(block: RecordBlock, first_record_no: int, columns: TextColumns) -> TextFrame:
    import polars as pl

    grammar = RecordGrammar(columns.delimiter.encode("ascii"), columns.width)
    rows: list[list[str]] = []
    numbers: list[int] = []
    rejected: list[Rejection] = []
    positions = sorted(columns.names)
    for i, (start, end) in enumerate(zip(block.starts.tolist(), block.ends.tolist(), strict=True)):
        record = block.data[start:end]
        cells = _cells_or_rule(record, grammar, columns, block.faults.get(i))
        if isinstance(cells, list):
            rows.append([cells[position] for position in positions])
            numbers.append(first_record_no + i)
        else:
            rejected.append(_rejection(record, first_record_no + i, cells, grammar, columns))
    schema = {columns.names[position]: pl.String for position in positions}
    texts = pl.DataFrame(rows, schema=schema, orient="row") if rows else pl.DataFrame(schema=schema)
    return TextFrame(texts, pl.Series(numbers, dtype=pl.Int64), rejected)


def _cells_or_rule(
    record: bytes, grammar: RecordGrammar, columns: TextColumns, fault: RejectionRule | None
) -> list[str] | RejectionRule:
    if fault is not None:
        return fault
    if b"\0" in record:
        return "nul_byte"
    try:
        text = record.decode(columns.encoding)
    except UnicodeDecodeError:
        return "undecodable_text" if len(grammar.cells(record)) == columns.width else "wrong_cell_count"
    cells = _cells_of_text(text, record, grammar, columns)
    return cells if len(cells) == columns.width else "wrong_cell_count"


def _cells_of_text(text: str, record: bytes, grammar: RecordGrammar, columns: TextColumns) -> list[str]:
    """The cells of one record. Python's csv follows the same grammar (a property test says so) and is quicker."""
    if '"' not in text:
        return text.split(columns.delimiter)
    try:
        return next(csv.reader([text], delimiter=columns.delimiter))
    except (csv.Error, StopIteration):  # a cell of more than 128 KB
        return [cell.decode(columns.encoding) for cell in grammar.cells(record)]


def _rejection(
    record: bytes, record_no: int, rule: RejectionRule, grammar: RecordGrammar, columns: TextColumns
) -> Rejection:
    column: str | None = None
    if rule == "wrong_cell_count":
        what = (
            f"has {len(grammar.cells(record))} cells where the header has {columns.width}; mend the row in the source"
        )
    elif rule == "unclosed_quote":
        what = "opens a quote that is not closed; mend the row in the source"
    else:
        column = _faulty_column(record, rule, grammar, columns)
        place = f" in column '{column}'" if column else ""
        if rule == "nul_byte":
            what = f"has a zero byte{place}; mend the row in the source"
        else:
            what = f"is not {columns.encoding}{place}; declare the encoding the file is in, or mend the row"
    shown = record[: MAX_SHOWN * 4].decode(columns.encoding, errors="replace").replace("\0", "\ufffd")[:MAX_SHOWN]
    return Rejection(record_no, column, shown, rule, f"{columns.file}, record {record_no} (the first is 0) {what}.")


def _faulty_column(record: bytes, rule: RejectionRule, grammar: RecordGrammar, columns: TextColumns) -> str | None:
    """The header's name of the first cell at fault."""
    for name, cell in zip(columns.header, grammar.cells(record), strict=False):
        try:
            cell.decode(columns.encoding)
        except UnicodeDecodeError:
            return name
        if rule == "nul_byte" and b"\0" in cell:
            return name
    return None

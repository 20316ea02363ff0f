"""Finding one record again: the index made at landing, and a record's own text by its number.

Belongs here: what an auditor needs to reopen a file at one record. Made of the same blocks as the rows, so that a
record has one number everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import orjson

from real_estate_assets.core.records.batch import RecordIndex, UnreadableFile
from real_estate_assets.core.records.blocks import BlockScanner
from real_estate_assets.core.records.features import FeatureStream
from real_estate_assets.core.records.topology import Topology
from real_estate_assets.core.tenants.model import Layout, Source, SourceFileEntry
from real_estate_assets.stores.source_reader.csv_records import open_header
from real_estate_assets.stores.source_reader.feature_records import whole_text
from real_estate_assets.stores.source_reader.unpacking import DEFAULT_LIMITS, UnpackLimits, unpacked_chunks

EVERY = 1_024


def build_record_index(
    path: Path, source: Source, file: SourceFileEntry, *, limits: UnpackLimits = DEFAULT_LIMITS
) -> RecordIndex:
    """Offsets of every 1,024th record in the unpacked bytes of a delimited file.

    For GeoJSON and TopoJSON the locator is the feature's own index: no offsets, and the file is not read (records 0).
    Raises UnreadableFile as reading does.
    """
    layout = source.layout(file)
    if layout.format != "csv":
        return RecordIndex(EVERY, [], 0)
    offsets: list[int] = []
    records = 0
    with unpacked_chunks(path, file.uri, limits) as chunks:
        scanner = BlockScanner(chunks, layout.delimiter)
        open_header(scanner, layout, file.uri)
        for block in scanner.blocks():
            first = -records % EVERY
            offsets += (block.starts[first::EVERY] + block.offset).tolist()
            records += len(block.starts)
    return RecordIndex(EVERY, offsets, records)


def read_record_text(
    path: Path,
    source: Source,
    file: SourceFileEntry,
    record_no: int,
    *,
    index: RecordIndex | None = None,
    limits: UnpackLimits = DEFAULT_LIMITS,
) -> bytes:
    """The bytes of one record as they stand in the file, without its line end.

    With an `index` of a delimited file only the records after the nearest offset are looked at. A TopoJSON feature is
    given as its JSON object. Raises IndexError where the file has no such record, UnreadableFile as reading does.
    """
    layout = source.layout(file)
    with unpacked_chunks(path, file.uri, limits) as chunks:
        if layout.format == "csv":
            texts = _csv_texts(chunks, layout, file.uri, record_no, index)
        elif layout.format == "geojson":
            texts = islice(FeatureStream(chunks, file.uri), record_no, None)
        else:
            features = Topology(whole_text(chunks, file.uri), file.uri, layout.layer).features
            texts = iter([orjson.dumps(feature) for feature in features[record_no : record_no + 1]])
        text = next(texts, None) if record_no >= 0 else None
    if text is None:
        raise IndexError(f"{file.uri} has no record {record_no}")
    return text


def _csv_texts(
    chunks: Iterator[bytes], layout: Layout, name: str, record_no: int, index: RecordIndex | None
) -> Iterator[bytes]:
    """The texts of a delimited file from `record_no` on."""
    scanner = BlockScanner(chunks, layout.delimiter)
    header = open_header(scanner, layout, name)
    first = 0
    if index is not None and index.offsets:
        entry = min(record_no // index.every, len(index.offsets) - 1)
        offset, first = index.offsets[entry], entry * index.every
        rest = _from_offset(scanner.rest(), scanner.offset, offset, name)
        scanner = BlockScanner(rest, layout.delimiter, offset=offset, columns=header.width)
    for block in scanner.blocks():
        count = len(block.starts)
        for i in range(max(record_no - first, 0), count):
            yield block.data[int(block.starts[i]) : int(block.ends[i])]
        first += count


def _from_offset(chunks: Iterable[bytes], position: int, offset: int, name: str) -> Iterator[bytes]:
    """The bytes from `offset` on, of chunks of which the first starts at `position`."""
    for chunk in chunks:
        if position + len(chunk) > offset:
            yield chunk[max(offset - position, 0) :]
        position += len(chunk)
    if position < offset:
        raise UnreadableFile("changed_while_read", f"{name}: the record index reaches beyond the end of the file.")

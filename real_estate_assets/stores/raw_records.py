"""A record of a landed file, read again from the object store: its own text, with the cells that fed a value marked.

Belongs here: fetching the bytes (which compares their hash), finding the record, finding the columns in it. Does not
belong here: which record (`prov.why` says that), and the formats (`source_reader`).

A record that cannot be read is an answer, not an error: the reason is said where the text would stand.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from real_estate_assets.core.provenance.raw_record import RawRecord, delimited_record, feature_record
from real_estate_assets.core.records.batch import RecordIndex, UnreadableFile
from real_estate_assets.core.references import Reference
from real_estate_assets.core.tenants.model import Layout, Source, SourceFileEntry
from real_estate_assets.stores.object_keys import Owner
from real_estate_assets.stores.object_store import ObjectStore, ObjectStoreError

OpenStore = Callable[[Owner], ObjectStore]


@dataclass(frozen=True, slots=True)
class RecordPlace:
    """Where a record stands: whose file, under which key, read how; `columns` are those to mark."""

    owner: Owner
    object_key: str
    record_no: int
    source: Source
    entry: SourceFileEntry
    index: RecordIndex | None
    columns: tuple[str, ...]


def read_raw_record(open_store: OpenStore, place: RecordPlace) -> RawRecord:
    """The record's text and marked cells. Never raises for a file that is gone, changed or unreadable: it says so."""
    layout = place.source.layout(place.entry)
    try:
        with tempfile.TemporaryDirectory(prefix="reos-why-") as folder:
            path = Path(folder) / "file"  # what it is called in the tenant's words decides how it is unpacked, not this
            open_store(place.owner).fetch_to(place.object_key, path)
            return _read(path, place, layout)
    except (ObjectStoreError, UnreadableFile, IndexError) as error:
        return RawRecord(None, place.columns, problem=str(error))


def _read(path: Path, place: RecordPlace, layout: Layout) -> RawRecord:
    from real_estate_assets.stores.source_reader import read_record_text

    data = read_record_text(path, place.source, place.entry, place.record_no, index=place.index)
    if layout.format != "csv":
        return feature_record(data.decode("utf-8", errors="replace"), place.columns)
    text = data.decode(layout.encoding, errors="replace")
    return delimited_record(text, _header(path, layout, place.entry.uri), layout.delimiter, place.columns)


def _header(path: Path, layout: Layout, uri: str) -> tuple[str, ...]:
    from real_estate_assets.core.records.blocks import BlockScanner
    from real_estate_assets.stores.source_reader.csv_records import open_header
    from real_estate_assets.stores.source_reader.unpacking import unpacked_chunks

    with unpacked_chunks(path, uri) as chunks:
        return open_header(BlockScanner(chunks, layout.delimiter), layout, uri).header


def public_layout(reference: Reference) -> tuple[Source, SourceFileEntry]:
    """A public layer's file as the reader of tenants' files takes it: whole records, no column of its own needed.

    Not validated: a public layer has kinds and addresses that a tenant may not use.
    """
    entry = SourceFileEntry.model_construct(uri=reference.uri, columns={})
    source = Source.model_construct(
        name=reference.name,
        kind="hazard_tract_layer",
        record_type="hazard_zone",
        format=reference.format,
        encoding=reference.encoding,
        crs=reference.crs,
        licence=reference.licence,
        origin=reference.origin,
        columns={},
        files=(entry,),
    )
    return source, entry

"""What landing does for one tenant: open each file its description names, keep its bytes, register it.

Belongs here: the order of these steps and what is reported. Does not belong here: reading a file's records.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from real_estate_assets.core.tenants import Source, SourceFileEntry, TenantFile, config_sha256, source_entry

if TYPE_CHECKING:
    from real_estate_assets.stores.object_store import ObjectStore
    from real_estate_assets.stores.warehouse import Warehouse


@dataclass(frozen=True)
class LandedFile:
    """One file after landing. `is_new` is False where the same bytes of the same source had landed before."""

    file_no: int
    source_name: str
    uri: str
    sha256: str
    byte_count: int
    vintage: str
    entry_sha256: str
    is_new: bool


@dataclass(frozen=True)
class Landing:
    """A tenant's landing: what is there, what is still awaited, and what went wrong with which file."""

    landed: Sequence[LandedFile]
    awaited: Sequence[str]
    problems: Sequence[str]
    data_version: str  # changes exactly when the files that count, or how they are to be read, change


def land(warehouse: Warehouse, store: ObjectStore, description: TenantFile, base_uri: str) -> Landing:
    """Land every file of a tenant. A file that cannot be landed is a problem of its own and stops no other file.

    Only a landing without problems decides which files count: until then the tenant stands on what it had.
    """
    from real_estate_assets.stores.object_store import FileChangedError, ObjectStoreError
    from real_estate_assets.stores.source_uri import SourceMissingError, SourceUriError, open_source
    from real_estate_assets.stores.warehouse.evidence import RecordTypeChangedError, settle_current

    landed: list[LandedFile] = []
    awaited: list[tuple[str, str]] = []
    problems: list[str] = []
    for source in description.sources:
        for file in source.files:
            try:
                with open_source(file.uri, base_uri) as path:
                    landed.append(_land_file(warehouse, store, description.tenant, source, file, path))
            except SourceMissingError as error:
                if file.awaited:
                    awaited.append((source.name, file.uri))
                else:
                    problems.append(f"{error}. Deliver it, or mark it `awaited: true`")
            except (SourceUriError, ObjectStoreError, FileChangedError, RecordTypeChangedError, OSError) as error:
                problems.append(str(error) if file.uri in str(error) else f"{file.uri}: {error}")
    problems += _same_bytes_twice(landed)
    if not problems:
        places = {(f.source_name, f.uri): f.file_no for f in landed}
        settle_current(warehouse, description.tenant, landed=places, absent=awaited)
    return Landing(landed, [uri for _, uri in awaited], problems, _data_version(warehouse, description.tenant))


def _data_version(warehouse: Warehouse, tenant_id: str) -> str:
    """Of the files that count, sixteen hex digits.

    With the time of arrival: a tenant that was removed and registered again has nothing in the warehouse while its
    events still stand in the log, so the same bytes must be another version.
    """
    from real_estate_assets.stores.warehouse import evidence

    lines = (
        f"{f.source_name} {f.file_no} {f.sha256} {f.source_entry_sha256} {f.received_at.timestamp()}"
        for f in evidence.files(warehouse, tenant_id)
    )
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]


def _same_bytes_twice(landed: Sequence[LandedFile]) -> Iterator[str]:
    """A source that names the same bytes under two names: last year's file, most likely, delivered once more."""
    first: dict[tuple[str, str], str] = {}
    for file in landed:
        other = first.setdefault((file.source_name, file.sha256), file.uri)
        if other != file.uri:
            yield (
                f"{file.uri} holds exactly the bytes of {other}, in one source. Deliver the right file, or drop one of"
                " them"
            )


def _land_file(
    warehouse: Warehouse, store: ObjectStore, tenant_id: str, source: Source, file: SourceFileEntry, path: Path
) -> LandedFile:  # fmt: skip
    from real_estate_assets.stores.warehouse import evidence

    stored = store.put_file(path, source.name)
    layout = source.layout(file)
    entry_sha256 = config_sha256(source, file)
    file_no, is_new = evidence.register_file(
        warehouse,
        tenant_id,
        evidence.NewSourceFile(
            sha256=stored.sha256, source_name=source.name, source_kind=source.kind, uri=file.uri, object_key=stored.key,
            vintage=file.vintage, byte_count=stored.bytes, record_type=layout.record_type, source_format=layout.format,
            licence=source.licence, locator_kind="csv_row" if layout.format == "csv" else "feature_index",
            source_entry=source_entry(source, file), source_entry_sha256=entry_sha256,
        ),
    )  # fmt: skip
    vintage = file.vintage.isoformat() if file.vintage else "unknown"
    return LandedFile(file_no, source.name, file.uri, stored.sha256, stored.bytes, vintage, entry_sha256, is_new)

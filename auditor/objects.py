"""Raw files as they were landed: bytes, their fingerprint, and what is inside an archive.

Belongs here: hashing and unpacking. Does not belong here: what the bytes say (`csv_file`, `feature_file`), or where the
store is: whoever runs the auditor hands in a function that opens one object.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

UNPACKED_LIMIT = 8 << 30  # bytes; an archive that unfolds beyond it is not read
CHUNK = 1 << 20
GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"


class Readable(Protocol):
    """What `OpenObject` gives: a stream that is read forward."""

    def read(self, size: int = ..., /) -> bytes: ...


# (tenant, or None for a public file; object key) -> the stored bytes as a stream.
OpenObject = Callable[[str | None, str], Readable]


class UnreadableFileError(RuntimeError):
    """The stored file is missing, has other bytes than recorded, or cannot be unpacked."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """Where a file is stored and what is recorded of it. `tenant_id` is None for a public file."""

    tenant_id: str | None
    object_key: str
    sha256: str
    byte_count: int
    name: str


def read_stored(open_object: OpenObject, file: StoredFile) -> bytes:
    """The file's content, unpacked. Raises UnreadableFileError when the bytes are not those that were recorded."""
    packed = _read_all(open_object, file)
    found = hashlib.sha256(packed).hexdigest()
    if found != file.sha256:
        raise UnreadableFileError(f"{file.name}: the stored bytes have sha256 {found}, recorded is {file.sha256}")
    if len(packed) != file.byte_count:
        raise UnreadableFileError(f"{file.name}: {len(packed)} bytes are stored, {file.byte_count} are recorded")
    return _unpacked(packed, file.name)


def _read_all(open_object: OpenObject, file: StoredFile) -> bytes:
    try:
        stream = open_object(file.tenant_id, file.object_key)
        parts = []
        while part := stream.read(CHUNK):
            parts.append(bytes(part))
    except Exception as error:
        raise UnreadableFileError(f"{file.name}: cannot be read from the object store: {error}") from error
    return b"".join(parts)


def _unpacked(packed: bytes, name: str) -> bytes:
    try:
        if packed.startswith(GZIP_MAGIC):
            with gzip.open(io.BytesIO(packed)) as stream:
                return _limited(stream.read(UNPACKED_LIMIT + 1), name)
        if packed.startswith(ZIP_MAGIC):
            with zipfile.ZipFile(io.BytesIO(packed)) as archive:
                (member,) = [entry for entry in archive.infolist() if not entry.is_dir()]
                with archive.open(member) as stream:
                    return _limited(stream.read(UNPACKED_LIMIT + 1), name)
    except (OSError, EOFError, ValueError, zipfile.BadZipFile) as error:
        raise UnreadableFileError(f"{name}: cannot be unpacked: {error}") from error
    return packed


def _limited(content: bytes, name: str) -> bytes:
    if len(content) > UNPACKED_LIMIT:
        raise UnreadableFileError(f"{name}: unfolds to more than {UNPACKED_LIMIT} bytes")
    return content

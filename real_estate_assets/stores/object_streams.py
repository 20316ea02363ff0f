"""Bytes between an object store and local files: a readable stream, a file that appears only when complete.

Belongs here: moving bytes safely. Does not belong here: keys, owners, or what to do with a refusal.
"""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from real_estate_assets.stores.object_backend import in_our_words

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer
    from obstore import BytesStream

READ_CHUNK = 1 << 20


def readable(stream: BytesStream, what: str) -> BinaryIO:
    """A chunked download as a buffered binary file, forward only; errors name `what`."""
    # A BufferedReader has all of BinaryIO's reading side; the type stubs see two unrelated classes.
    return cast("BinaryIO", io.BufferedReader(_Chunks(stream, what), READ_CHUNK))


@contextmanager
def appearing_when_complete(path: Path) -> Iterator[BinaryIO]:
    """A new file beside `path` that takes its place at the end of the block, and vanishes when the block fails."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:100]}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def make_durable(path: Path) -> None:
    """Asks the system to bring a file and its name to the disk, so that it outlives a power cut."""
    for target in (path, path.parent):
        handle = os.open(target, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


class _Chunks(io.RawIOBase):
    """A raw stream over chunks of any size."""

    def __init__(self, stream: BytesStream, what: str) -> None:
        self._stream = iter(stream)
        self._what = what
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        if not self._rest:
            with in_our_words(self._what):
                self._rest = memoryview(bytes(next(self._stream, b"")))
        target = memoryview(buffer).cast("B")
        taken = min(len(target), len(self._rest))
        target[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken

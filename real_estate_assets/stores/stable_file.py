"""A local file that must stay as it is while it is read: hashed first, streamed later, and checked in between.

Belongs here: noticing that a file changed. Does not belong here: what the bytes mean or where they go.
A file that is still being copied or rewritten would otherwise be stored under a hash that is not its own.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

CHUNK = 1 << 20


class FileChangedError(RuntimeError):
    """The file changed between two looks at it; nothing was stored."""


class _Look(NamedTuple):
    inode: int
    size: int
    mtime_ns: int


class StableFile:
    """Context manager over one regular file, opened once. Raises OSError where it cannot be opened.

    `sha256` and `size` (bytes) describe it as first read; `chunks` gives the same bytes again or raises
    FileChangedError before its last chunk is used for anything final.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("rb")
        try:
            mode = os.fstat(self._file.fileno()).st_mode
            if not stat.S_ISREG(mode):
                raise OSError(f"{path} is not a regular file")
            self._first_look = self._look()
            self.size = self._first_look.size
            self.sha256 = hashlib.file_digest(self._file, "sha256").hexdigest()
            self._require_unchanged()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()

    def chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The bytes again in chunks; raises FileChangedError unless they are the bytes that were hashed."""
        self._file.seek(0)
        digest = hashlib.sha256()
        held = self._file.read(size)
        while following := self._file.read(size):
            digest.update(held)
            yield held
            held = following
        digest.update(held)
        if digest.hexdigest() != self.sha256:
            raise self._changed()
        self._require_unchanged()
        yield held

    def _look(self) -> _Look:
        """The file as its path shows it now: a replaced file has another inode than the one that is open."""
        try:
            now = self._path.stat()
        except FileNotFoundError:
            raise self._changed() from None
        return _Look(now.st_ino, now.st_size, now.st_mtime_ns)

    def _require_unchanged(self) -> None:
        if self._look() != self._first_look:
            raise self._changed()

    def _changed(self) -> FileChangedError:
        return FileChangedError(
            f"{self._path} changed while it was read, so nothing was stored; "
            "wait until it is complete (or write it elsewhere and rename it into place), then try again"
        )

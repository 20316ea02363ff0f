"""A received file as a stream of unpacked bytes, with a guard against archives that unfold without end.

Belongs here: gzip, zip and plain files, told apart by their names and checked by their first bytes. Nothing is written
to disk, so names inside an archive lead nowhere. Does not belong here: what the bytes mean.
"""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from real_estate_assets.core.records.batch import UnreadableFile

CHUNK_BYTES = 1 << 20
_GZIP, _ZIP = b"\x1f\x8b", (b"PK\x03\x04", b"PK\x05\x06")
_ARCHIVES = (".zip", ".gz", ".bz2", ".xz", ".7z", ".rar", ".tar", ".tgz", ".zst")


@dataclass(frozen=True, slots=True)
class UnpackLimits:
    """How far an archive may unfold.

    `max_bytes` is the largest unpacked size; `max_ratio` how many bytes one packed byte may become, which is judged
    only beyond `ratio_free_bytes`: small files of repeated words pack very well.
    """

    max_bytes: int = 4 << 30
    max_ratio: int = 200
    ratio_free_bytes: int = 16 << 20


DEFAULT_LIMITS = UnpackLimits()


@contextmanager
def unpacked_chunks(path: Path, name: str, limits: UnpackLimits = DEFAULT_LIMITS) -> Iterator[Iterator[bytes]]:
    """The unpacked bytes of `path` in chunks. `name` is the file's name as it was published: its ending decides.

    Raises UnreadableFile (broken_archive, too_large, wrong_format), also while the chunks are read.
    """
    ending = name.lower().split("?")[0]
    packed_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        if ending.endswith(".gz"):
            yield _guarded(_gzip_chunks(file, start, name), name, packed_bytes, limits)
        elif ending.endswith(".zip"):
            with _single_member(file, name, limits) as member:
                yield _guarded(_archive_chunks(member, name), name, packed_bytes, limits)
        else:
            _refuse_hidden_archive(start, name)
            yield _chunks(file)


def _chunks(file: IO[bytes] | gzip.GzipFile) -> Iterator[bytes]:
    while chunk := file.read(CHUNK_BYTES):
        yield chunk


def _refuse_hidden_archive(start: bytes, name: str) -> None:
    for kind, is_it in (("gzip", start.startswith(_GZIP)), ("zip", start.startswith(_ZIP))):
        if is_it:
            ending = ".gz" if kind == "gzip" else ".zip"
            raise UnreadableFile(
                "wrong_format",
                f"{name}: the file is a {kind} archive but its name does not end in {ending}. "
                "Name it so, or unpack it (a workbook must be saved as csv).",
            )


def _gzip_chunks(file: IO[bytes], start: bytes, name: str) -> Iterator[bytes]:
    if not start.startswith(_GZIP):
        raise UnreadableFile("broken_archive", f"{name}: the name ends in .gz but the file is no gzip archive.")
    return _archive_chunks(gzip.GzipFile(fileobj=file), name)


def _archive_chunks(file: IO[bytes] | gzip.GzipFile, name: str) -> Iterator[bytes]:
    """Chunks of what an archive holds; an archive inside the archive is refused."""
    is_first = True
    try:
        for chunk in _chunks(file):
            if is_first and (chunk.startswith(_GZIP) or chunk.startswith(_ZIP)):
                raise UnreadableFile(
                    "broken_archive", f"{name}: holds another archive. Pack the data file itself, once."
                )
            is_first = False
            yield chunk
    except (EOFError, zlib.error, gzip.BadGzipFile, zipfile.BadZipFile, NotImplementedError) as error:
        raise UnreadableFile(
            "broken_archive", f"{name}: the archive is damaged or cut short ({error}). Fetch the file again."
        ) from error


@contextmanager
def _single_member(file: IO[bytes], name: str, limits: UnpackLimits) -> Iterator[IO[bytes]]:
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError) as error:
        raise UnreadableFile(
            "broken_archive", f"{name}: is no zip archive, or is cut short ({error}). Fetch the file again."
        ) from error
    with archive:
        members = [m for m in archive.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
        if len(members) != 1:
            raise UnreadableFile(
                "broken_archive", f"{name}: holds {len(members)} files; a zip must hold exactly one. Pack it alone."
            )
        member = members[0]
        _check_member(member, name, limits)
        with archive.open(member) as opened:
            yield opened


def _check_member(member: zipfile.ZipInfo, name: str, limits: UnpackLimits) -> None:
    """Refuses by the archive's own claims, before a byte is unpacked."""
    if member.flag_bits & 0x1:
        raise UnreadableFile("broken_archive", f"{name}: the archive has a password. Send the file without one.")
    if member.filename.lower().endswith(_ARCHIVES):
        raise UnreadableFile("broken_archive", f"{name}: holds another archive. Pack the data file itself, once.")
    _check_size(member.file_size, member.compress_size, name, limits, "claims to unfold")


def _guarded(chunks: Iterator[bytes], name: str, packed_bytes: int, limits: UnpackLimits) -> Iterator[bytes]:
    """The same chunks, as long as they stay within the limits: an archive's claims need not be true."""
    total = 0
    for chunk in chunks:
        total += len(chunk)
        _check_size(total, packed_bytes, name, limits, "unfolds")
        yield chunk


def _check_size(unpacked: int, packed: int, name: str, limits: UnpackLimits, verb: str) -> None:
    if unpacked > limits.max_bytes:
        raise UnreadableFile(
            "too_large",
            f"{name}: {verb} to {unpacked:,} bytes or more; the limit is {limits.max_bytes:,}. "
            "Split the file, or raise the limit if it is honest.",
        )
    if unpacked > limits.ratio_free_bytes and unpacked > limits.max_ratio * max(packed, 1):
        raise UnreadableFile(
            "too_large",
            f"{name}: {verb} to more than {limits.max_ratio} times its packed {packed:,} bytes, as no data file does. "
            "Send it unpacked if it is honest.",
        )

"""Archives are unpacked as streams, and one that unfolds without end is refused before it does harm."""

from __future__ import annotations

import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from real_estate_assets.core.records.batch import UnreadableFile
from real_estate_assets.stores.source_reader.unpacking import UnpackLimits, unpacked_chunks

TEXT = b"k,b,c\n" + b"".join(b"%d,%d,x\n" % (i, i * i) for i in range(20_000))
SMALL = UnpackLimits(max_bytes=1 << 20, max_ratio=50, ratio_free_bytes=1 << 16)


def unpack(path: Path, name: str, limits: UnpackLimits = UnpackLimits()) -> bytes:  # noqa: B008
    with unpacked_chunks(path, name, limits) as chunks:
        return b"".join(chunks)


def zip_of(*members: tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return buffer.getvalue()


def claiming(data: bytes, size: int) -> bytes:
    """A zip whose directory claims that its member unfolds to `size` bytes."""
    directory = data.rindex(b"PK\x01\x02")
    return data[: directory + 24] + struct.pack("<I", size) + data[directory + 28 :]


def encrypted(data: bytes) -> bytes:
    directory = data.rindex(b"PK\x01\x02")
    return data[: directory + 8] + struct.pack("<H", 1) + data[directory + 10 :]


@pytest.mark.parametrize(
    ("name", "pack"),
    [
        ("a.csv", lambda data: data),
        ("a.csv.gz", gzip.compress),
        ("A.CSV.GZ", gzip.compress),
        ("a.csv.zip", lambda data: zip_of(("inner/a.csv", data))),
        ("a.zip", lambda data: zip_of(("../../etc/a.csv", data), ("__MACOSX/._a.csv", b"x"), ("folder/", b""))),
        ("https://example.org/a.csv.gz?token=1", gzip.compress),
        ("two.csv.gz", lambda data: gzip.compress(data[:5_000]) + gzip.compress(data[5_000:])),
    ],
)
def test_every_packing_gives_the_same_bytes(name: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "stored_under_another_name"
    path.write_bytes(pack(TEXT))
    assert unpack(path, name) == TEXT
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name], "nothing is written beside the file"


@pytest.mark.parametrize(
    ("name", "data", "code", "says"),
    [
        ("a.csv.gz", TEXT, "broken_archive", "is no gzip archive"),
        ("a.csv.gz", gzip.compress(TEXT)[:-2000], "broken_archive", "damaged or cut short"),
        ("a.csv.gz", gzip.compress(TEXT)[:50] + b"\0" * 50 + gzip.compress(TEXT)[100:], "broken_archive", "damaged"),
        ("a.zip", TEXT, "broken_archive", "is no zip archive"),
        ("a.zip", zip_of(("a.csv", TEXT))[:-30], "broken_archive", "is no zip archive, or is cut short"),
        ("a.zip", zip_of(("a.csv", TEXT), ("b.csv", TEXT)), "broken_archive", "holds 2 files"),
        ("a.zip", zip_of(), "broken_archive", "holds 0 files"),
        ("a.zip", zip_of(("b.zip", zip_of(("a.csv", TEXT)))), "broken_archive", "holds another archive"),
        ("a.zip", zip_of(("b.csv", zip_of(("a.csv", TEXT)))), "broken_archive", "holds another archive"),
        ("a.gz", gzip.compress(gzip.compress(TEXT)), "broken_archive", "holds another archive"),
        ("a.zip", encrypted(zip_of(("a.csv", TEXT))), "broken_archive", "has a password"),
        ("a.csv", gzip.compress(TEXT), "wrong_format", "does not end in .gz"),
        ("a.csv", zip_of(("a.csv", TEXT)), "wrong_format", "does not end in .zip"),
    ],
)
def test_a_broken_archive_says_what_is_wrong(name: str, data: bytes, code: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "received"
    path.write_bytes(data)
    with pytest.raises(UnreadableFile) as caught:
        unpack(path, name)
    assert caught.value.code == code
    assert caught.value.message.startswith(f"{name}: ")
    assert says in caught.value.message


@pytest.mark.parametrize(("name", "pack"), [("b.gz", gzip.compress), ("b.zip", lambda data: zip_of(("b.csv", data)))])
def test_a_bomb_is_refused_early(name: str, pack: Callable[[bytes], bytes], tmp_path: Path) -> None:
    path = tmp_path / "received"
    path.write_bytes(pack(b"\0" * (40 << 20)))
    sizes: list[int] = []
    with pytest.raises(UnreadableFile) as caught, unpacked_chunks(path, name, SMALL) as chunks:
        sizes.extend(len(chunk) for chunk in chunks)
    assert caught.value.code == "too_large"
    assert sum(sizes) <= SMALL.max_bytes


def test_a_zip_that_claims_ten_gigabytes_is_refused_before_a_byte_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "received"
    path.write_bytes(claiming(zip_of(("a.csv", TEXT)), 0xFFFFFFFE))
    with pytest.raises(UnreadableFile) as caught, unpacked_chunks(path, "a.zip", UnpackLimits(max_bytes=1 << 30)):
        pytest.fail("opened")
    assert caught.value.code == "too_large"
    assert "claims to unfold to 4,294,967,294 bytes" in caught.value.message


def test_a_zip_that_claims_too_little_is_found_out(tmp_path: Path) -> None:
    path = tmp_path / "received"
    path.write_bytes(claiming(zip_of(("a.csv", TEXT)), 100))
    with pytest.raises(UnreadableFile) as caught:
        unpack(path, "a.zip")
    assert caught.value.code == "broken_archive"


def test_honest_repetition_is_no_bomb(tmp_path: Path) -> None:
    path = tmp_path / "received"
    path.write_bytes(gzip.compress(b"0,0,0\n" * 100_000))
    assert len(unpack(path, "a.csv.gz")) == 600_000

"""Builds demo/data and the tables of demo/README.md from the files as they were received, the same bytes every time.

Belongs here: packing, the two reductions that keep personal data out (owner columns; companies named after persons)
and the fingerprints. Does not belong here: cleaning. The traps of the files are what the platform is shown on, so
every byte that stays is the publisher's byte.

Usage: python scripts/build_demo_data.py FOLDER_OF_RECEIVED_FILES [--check]

`--check` writes nothing and fails where demo/ differs from what the received files give. Nobody has to run this to use
the demo; it is here so that anyone who holds the published files can verify ours.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import io
import json
import re
import struct
import sys
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ruamel.yaml import YAML

DEMO = Path(__file__).resolve().parent.parent / "demo"
GZIP_HEADER = b"\x1f\x8b\x08\x00" + b"\x00" * 4 + b"\x02\xff"  # no name, time 0, best compression, no system
LIMIT_BYTES = 12_000_000
CELL = re.compile(r'(?:^|,)("(?:[^"]|"")*"|[^,"]*)(?=,|$)')
MAILING_COLUMNS = ("Owner_Address", "Owner_Address2", "Owner_City", "Owner_State", "Owner_Zip")


@dataclass(frozen=True, slots=True)
class DemoFile:
    """One entry of demo/files.yaml: what ships under `name`, which received file it comes from, what was left out."""

    name: str
    received: str
    what: str
    origin: str
    licence: str
    change: str
    left_out: str


@dataclass(frozen=True, slots=True)
class Built:
    """A demo file as it ships: `packed` is the gzip file, `content` what it holds, `received` the publisher's bytes."""

    file: DemoFile
    received: bytes
    content: bytes
    packed: bytes


def demo_files() -> list[DemoFile]:
    """The entries of demo/files.yaml, in its order. Raises TypeError where one misses a field or has a strange one."""
    return [DemoFile(**entry) for entry in YAML(typ="safe").load(DEMO / "files.yaml")["files"]]


def gzip_bytes(content: bytes) -> bytes:
    """A gzip file that depends on nothing but its content.

    Written by hand because `gzip.compress` stamps the operating system into the header in some Python versions. The
    deflate stream is zlib's at level 9; another implementation of zlib may pack differently, so `--check` compares
    what is inside.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    body = packer.compress(content) + packer.flush()
    return GZIP_HEADER + body + struct.pack("<II", zlib.crc32(content), len(content) & 0xFFFFFFFF)


def raw_cells(line: str) -> list[str]:
    """The cells of one CSV line with their quotes. Raises ValueError where they would not give the line back."""
    cells = [found.group(1) for found in CELL.finditer(line)]
    if ",".join(cells) != line:
        raise ValueError(f"line cannot be taken apart and put together again: {line[:60]!r}")
    return cells


def as_published(content: bytes) -> bytes:
    """The publisher's bytes, untouched."""
    return content


def without_owner_columns(content: bytes) -> bytes:
    """The property database without its Owner_* columns, every other byte (BOM, quotes, CRLF) as published."""
    lines = content.decode("utf-8").split("\r\n")
    header = raw_cells(lines[0])
    kept = [position for position, column in enumerate(header) if not column.startswith("Owner_")]

    def reduced() -> Iterator[str]:
        for number, line in enumerate(lines):
            cells = raw_cells(line)
            if line and len(cells) != len(header):
                raise ValueError(f"line {number + 1} has {len(cells)} cells, the header has {len(header)}")
            yield ",".join(cells[position] for position in kept) if line else ""

    return "\r\n".join(reduced()).encode("utf-8")


def reviewed_owners(content: bytes) -> bytes:
    """The company owners that demo/owner_review.csv lists by name; mailing addresses only where it lists them too.

    An allow list, so a name nobody has read stays out, and the names that were left out stand nowhere in the project.
    """
    names, mailing = owner_review()
    source = csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    columns = list(source.fieldnames or ())
    shipped = io.StringIO(newline="")
    writer = csv.DictWriter(shipped, columns, lineterminator="\r\n")
    writer.writeheader()
    for row in source:
        if row["Owner_Name"] not in names:
            continue
        if (row["Owner_Name"], row["Owner_Address"]) not in mailing:
            row.update(dict.fromkeys(MAILING_COLUMNS, ""))
        writer.writerow(row)
    return shipped.getvalue().encode("utf-8")


def owner_review() -> tuple[set[str], set[tuple[str, str]]]:
    """Names that may ship, and the (name, mailing address) pairs that may ship with them."""
    with (DEMO / "owner_review.csv").open(encoding="utf-8", newline="") as review:
        rows = list(csv.DictReader(review))
    return {row["owner_name"] for row in rows}, {
        (row["owner_name"], row["mailing_address"]) for row in rows if row["mailing_rule"]
    }


CHANGES: dict[str, Callable[[bytes], bytes]] = {
    change.__name__: change for change in (as_published, without_owner_columns, reviewed_owners)
}


def count_records(name: str, content: bytes) -> int:
    """Records of a file: data rows of a CSV (blank lines are none), features of a GeoJSON or TopoJSON."""
    if ".csv" in name:
        # universal newlines: one of the files ends its lines with CR alone
        rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=None))
        return sum(1 for row in rows if row) - 1
    layer = json.loads(content)
    if "features" in layer:
        return len(layer["features"])
    return sum(len(found["geometries"]) for found in layer["objects"].values())


def build(folder: Path) -> list[Built]:
    """All demo files from the received ones. Raises FileNotFoundError where one is absent."""
    built = []
    for file in demo_files():
        received = (folder / file.received).read_bytes()
        content = CHANGES[file.change](received)
        built.append(Built(file, received, content, gzip_bytes(content)))
    total = sum(len(one.packed) for one in built)
    if total >= LIMIT_BYTES:
        raise ValueError(f"the demo files come to {total:,} bytes packed; the limit is {LIMIT_BYTES:,}")
    return built


def readme_tables(built: list[Built]) -> dict[str, str]:
    """The generated parts of demo/README.md by marker name."""
    files = [
        "| file | what it is | records | bytes packed | bytes unpacked | licence | left out |",
        "|---|---|--:|--:|--:|---|---|",
    ]
    prints = ["| file | sha256 packed | sha256 unpacked | sha256 as received |", "|---|---|---|---|"]
    origins = []
    for one in built:
        file, records = one.file, count_records(one.file.name, one.content)
        files.append(
            f"| `{file.name}` | {file.what} | {records:,} | {len(one.packed):,} | {len(one.content):,}"
            f" | {file.licence} | {file.left_out} |"
        )
        received = "the same" if one.received == one.content else f"`{sha256(one.received)}`"
        prints.append(f"| `{file.name}` | `{sha256(one.packed)}` | `{sha256(one.content)}` | {received} |")
        origins.append(f"- `{file.name}`: {file.origin}")
    files.append(f"| **{len(built)} files** | | | **{sum(len(one.packed) for one in built):,}** | | | |")
    return {"files": "\n".join(files), "fingerprints": "\n".join(prints), "origins": "\n".join(origins)}


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def readme_with(tables: dict[str, str], text: str) -> str:
    """README text with each generated part replaced. Raises ValueError where a marker pair is missing."""
    for marker, table in tables.items():
        pattern = re.compile(f"(<!-- {marker}: begin -->\n).*?(\n<!-- {marker}: end -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"demo/README.md has no part between the markers '{marker}: begin' and '{marker}: end'")
        text = pattern.sub(lambda found, table=table: found.group(1) + table + found.group(2), text)
    return text


def unpacked(packed: bytes) -> bytes:
    return zlib.decompress(packed, wbits=31)


def differences(built: list[Built]) -> list[str]:
    """What in demo/ is not what the received files give, one sentence each."""
    found = []
    shipped = []
    for one in built:
        path = DEMO / "data" / one.file.name
        packed = path.read_bytes() if path.is_file() else None
        if packed is None:
            found.append(f"{path.name} is missing")
        elif unpacked(packed) != one.content:
            found.append(f"{path.name} does not hold what {one.file.received} gives")
        else:
            shipped.append(replace(one, packed=packed))
    readme = (DEMO / "README.md").read_text(encoding="utf-8")
    if len(shipped) == len(built) and readme_with(readme_tables(shipped), readme) != readme:
        found.append("README.md does not say what the files are; run the builder without --check")
    for path in sorted({p.name for p in (DEMO / "data").glob("*")} - {one.file.name for one in built}):
        found.append(f"{path} is not listed in files.yaml")
    return found


def main(arguments: list[str] | None = None) -> int:
    """Writes demo/data and the README's tables, or with --check compares; the exit code is 1 where they differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="folder of the files as received")
    parser.add_argument("--check", action="store_true", help="compare only, write nothing")
    options = parser.parse_args(arguments)
    built = build(options.folder)
    if options.check:
        wrong = differences(built)
        print("\n".join(wrong) or f"demo/data holds what the received files give ({len(built)} files)")
        return 1 if wrong else 0
    for one in built:
        (DEMO / "data" / one.file.name).write_bytes(one.packed)
    readme = DEMO / "README.md"
    readme.write_text(readme_with(readme_tables(built), readme.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{len(built)} files, {sum(len(one.packed) for one in built):,} bytes packed")
    return 0


if __name__ == "__main__":
    sys.exit(main())

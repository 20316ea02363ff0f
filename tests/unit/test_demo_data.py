"""The demo files are what demo/README.md says they are, and hold nothing that may not ship.

The tables of the README are recomputed here from the files alone, with counting of our own rather than the builder's.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import importlib.util
import io
import json
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
NAMES = sorted(path.name for path in (DEMO / "data").iterdir())
MAY_SHIP = {"PDDL-1.0", "PDDL-1.0 (FEMA's data are in the public domain)", "CC0-1.0", "US government, public domain"}
NOT_OURS_TO_SHIP = ("firststreet", "tracts_25", "tracts_53", "fred_", "CSUSHPINSA", "MORTGAGE", "lucas")


def _builder() -> ModuleType:
    spec = importlib.util.spec_from_file_location("build_demo_data", ROOT / "scripts" / "build_demo_data.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


builder = _builder()


def packed(name: str) -> bytes:
    return (DEMO / "data" / name).read_bytes()


def content(name: str) -> bytes:
    return gzip.decompress(packed(name))


def rows(name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(content(name).decode("utf-8-sig"), newline="")))


def table(marker: str) -> dict[str, list[str]]:
    """Rows of one generated table of the README by file name, cells without backquotes."""
    text = (DEMO / "README.md").read_text(encoding="utf-8")
    part = text.split(f"<!-- {marker}: begin -->")[1].split(f"<!-- {marker}: end -->")[0]
    lines = [line.strip("|").split(" | ") for line in part.strip().splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip(" `") for cell in cells[1:]] for cells in lines}


def count(name: str) -> int:
    """Records of a file, counted without the builder."""
    if name.endswith(".csv.gz"):
        lines = re.split(r"\r\n|\r|\n", content(name).decode("utf-8-sig"))
        return sum(1 for line in lines if line) - 1  # no cell of these files holds a line end
    layer = json.loads(content(name))
    if name.endswith(".geojson.gz"):
        return len(layer["features"])
    (only_layer,) = layer["objects"].values()
    return len(only_layer["geometries"])


def integer(text: str) -> int:
    return int(text.replace(",", ""))


def test_every_file_is_described_and_every_described_file_is_there() -> None:
    assert list(table("files")) == list(table("fingerprints")) == [file.name for file in builder.demo_files()]
    assert sorted(table("files")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_readme_tells_the_truth_about_a_file(name: str) -> None:
    _, records, bytes_packed, bytes_unpacked, licence, _ = table("files")[name]
    sha_packed, sha_unpacked, received = table("fingerprints")[name]
    assert integer(records) == count(name)
    assert (integer(bytes_packed), integer(bytes_unpacked)) == (len(packed(name)), len(content(name)))
    assert sha_packed == hashlib.sha256(packed(name)).hexdigest()
    assert sha_unpacked == hashlib.sha256(content(name)).hexdigest()
    assert received == "the same" or re.fullmatch(r"[0-9a-f]{64}", received)
    assert licence in MAY_SHIP


@pytest.mark.parametrize(
    ("name", "known_count"),
    [("tax_fy13.csv.gz", 27_424), ("tax_fy14.csv.gz", 27_528), ("kc_house_data.csv.gz", 21_613)],
)
def test_known_counts(name: str, known_count: int) -> None:
    assert count(name) == known_count


def test_demo_stays_small_and_names_no_file_that_is_not_ours_to_ship() -> None:
    assert sum(path.stat().st_size for path in DEMO.rglob("*") if path.is_file()) < 12_000_000
    assert not [name for name in NAMES if any(word.lower() in name.lower() for word in NOT_OURS_TO_SHIP)]


@pytest.mark.parametrize("name", NAMES)
def test_packing_carries_no_time_and_no_name(name: str) -> None:
    head = packed(name)[:10]
    assert head[:3] == b"\x1f\x8b\x08"
    assert head[3] == 0, "a flag would mean a file name or a comment"
    assert head[4:8] == b"\x00" * 4, "the time of packing"


def test_property_database_lost_its_owner_columns_and_no_other_byte_order() -> None:
    text = content("property_database_fy2025.csv.gz")
    assert text.startswith(b"\xef\xbb\xbfPID,")
    assert text.count(b"\r\n") == text.count(b"\n") == 1_001
    header, *data = csv.reader(io.StringIO(text.decode("utf-8-sig"), newline=""))
    assert len(header) == 61 - 7
    assert not [column for column in header if "owner" in column.lower()]
    assert {len(row) for row in data} == {len(header)}
    assert not re.search(rb"OWNER-[0-9A-F]|MASKED", text), "a pseudonym of an owner is left"
    assert len({row["PID"] for row in rows("property_database_fy2025.csv.gz")}) == 966


def test_price_index_keeps_its_traps() -> None:
    text = content("fhfa_hpi_county.csv.gz")
    assert text.startswith(b"\xef\xbb\xbf")
    assert b"\n" not in text
    assert text.count(b"\r") >= 82_560
    assert b",.," in text


def test_owners_are_those_of_the_review_and_no_others() -> None:
    names, mailing = builder.owner_review()
    for row in rows("company_owners_fy2025.csv.gz"):
        assert row["Owner_Name"] in names
        if any(row[column] for column in builder.MAILING_COLUMNS):
            assert (row["Owner_Name"], row["Owner_Address"]) in mailing


def test_owner_review_counts_what_ships() -> None:
    with (DEMO / "owner_review.csv").open(encoding="utf-8", newline="") as file:
        review = list(csv.DictReader(file))
    rule_of = {row["owner_name"]: row["name_rule"] for row in review}
    mailing_of = {(row["owner_name"], row["mailing_address"]): row["mailing_rule"] for row in review}
    owners = rows("company_owners_fy2025.csv.gz")
    names, shipped = Counter(rule_of.values()), Counter(rule_of[row["Owner_Name"]] for row in owners)
    mailed = Counter(mailing_of.get((row["Owner_Name"], row["Owner_Address"]), "") for row in owners)
    text = (DEMO / "owner_review.md").read_text(encoding="utf-8")
    for rule in names:
        assert re.search(rf"\| `{rule}`.*\| {names[rule]} \| {shipped[rule]} \|", text), rule
    for rule in set(mailed) - {""}:
        assert re.search(rf"\| `{rule}`.*\| {mailed[rule]} \|", text), rule
    assert f"| **kept** | **{len(rule_of)}** | **{len(owners)}** |" in text
    assert f"| **left out** | **{140 - len(rule_of)}** | **{180 - len(owners)}** |" in text
    assert f"| **kept** | **{len(owners) - mailed['']}** |" in text


def test_builder_gives_what_ships(test_data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert builder.main([str(test_data), "--check"]) == 0, capsys.readouterr().out


def test_builder_sees_a_changed_file(test_data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    demo = tmp_path / "demo"
    (demo / "data").mkdir(parents=True)
    for path in (DEMO / "files.yaml", DEMO / "owner_review.csv", DEMO / "README.md", *(DEMO / "data").iterdir()):
        target = demo / path.relative_to(DEMO)
        target.write_bytes(path.read_bytes())
    monkeypatch.setattr(builder, "DEMO", demo)
    readme = demo / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8").replace("| 27,424 |", "| 27,425 |"), encoding="utf-8")
    built = builder.build(test_data)
    assert [line.split()[0] for line in builder.differences(built)] == ["README.md"]
    (demo / "data" / "city_boundary.geojson.gz").write_bytes(builder.gzip_bytes(b"{}"))
    (demo / "data" / "stray.csv.gz").write_bytes(builder.gzip_bytes(b"a\n"))
    (demo / "data" / "tax_fy13.csv.gz").unlink()
    found = builder.differences(built)
    assert len(found) == 3
    assert all(any(word in line for line in found) for word in ("city_boundary", "stray", "tax_fy13"))


@given(st.lists(st.lists(st.text(st.characters(exclude_characters="\r\n\0")), min_size=2), min_size=1, max_size=3))
def test_raw_cells_are_the_cells_that_csv_reads(cells_of_lines: list[list[str]]) -> None:
    for cells in cells_of_lines:
        written = io.StringIO()
        csv.writer(written, lineterminator="").writerow(cells)
        raw = builder.raw_cells(written.getvalue())
        assert ",".join(raw) == written.getvalue()
        assert next(csv.reader([written.getvalue()])) == cells
        assert [next(csv.reader([cell or '""']))[0] for cell in raw] == cells


@pytest.mark.parametrize("line", ['a,"b', 'a,b"c,d', '"a"b,c'])
def test_raw_cells_refuse_a_line_they_cannot_take_apart(line: str) -> None:
    with pytest.raises(ValueError, match="cannot be taken apart"):
        builder.raw_cells(line)


@given(st.binary(max_size=2_000))
def test_packing_gives_the_content_back_and_the_same_bytes_again(some: bytes) -> None:
    assert gzip.decompress(builder.gzip_bytes(some)) == some
    assert builder.gzip_bytes(some) == builder.gzip_bytes(bytes(some))

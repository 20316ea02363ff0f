"""Real files and made bad ones through the whole reader: known counts, and a clear error or a refused row, no loss.

Files that ship are read from demo/; those that may not are read from the shared test data and skipped without it.
"""

from __future__ import annotations

import csv
import gzip
import json
import subprocess
import sys
import zipfile
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import shapely

from real_estate_assets.core.records.batch import UnreadableFile
from real_estate_assets.core.tenants import Source, SourceFileEntry, parse_tenant_file
from real_estate_assets.stores.source_reader import build_record_index, open_records, read_record_text

DEMO = Path(__file__).resolve().parents[2] / "demo"
DATA = DEMO / "data"
PARCELS = {"kind": "parcel_layer", "record_type": "parcel", "format": "topojson"}
ROLL_2014 = {"ML": "parcel_number", "Location": "address_raw", "GrossArea": "gross_area_sqft"}


@dataclass
class Reading:
    """What a whole file gave."""

    rows_in: int = 0
    accepted: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    cells: Counter[tuple[str, str]] = field(default_factory=Counter)
    repaired: int = 0
    parcels: list[str | None] = field(default_factory=list)


@cache
def counties() -> dict[str, Any]:
    layer = json.loads(gzip.decompress((DATA / "us_counties.geojson.gz").read_bytes()))
    return {
        f["properties"]["STATE"] + f["properties"]["COUNTY"]: shapely.from_geojson(json.dumps(f))
        for f in layer["features"]
    }


def source(uri: str, columns: dict[str, Any], **changes: Any) -> tuple[Source, SourceFileEntry]:
    described = {
        "name": "a_source",
        "kind": "assessor_roll",
        "record_type": "property",
        "format": "csv",
        "licence": "as published",
        "origin": "as published",
        "columns": columns,
        "files": [{"uri": uri}],
        **changes,
    }
    whole = Source.model_validate(described)
    return whole, whole.files[0]


def read(path: Path, described: Source, file: SourceFileEntry, county: str = "25017", **options: Any) -> Reading:
    reading = Reading()
    for batch in open_records(path, described, file, county_fips=[county], counties=counties()[county], **options):
        assert batch.rows_in == batch.accepted.height + len(batch.rejected)
        reading.rows_in += batch.rows_in
        reading.accepted += batch.accepted.height
        reading.refused.update(rejection.rule for rejection in batch.rejected)
        reading.cells.update((issue.column, issue.reason) for issue in batch.cell_issues)
        if "is_repaired" in batch.accepted.columns:
            reading.repaired += int(batch.accepted["is_repaired"].sum())
        if "parcel_number" in batch.accepted.columns:
            reading.parcels += batch.accepted["parcel_number"].to_list()
    return reading


def demo_files() -> list[Any]:
    found = []
    for path in sorted((DEMO / "tenants").glob("*.yaml")):
        tenant = parse_tenant_file(path.read_text(encoding="utf-8"), name=path.name)
        for described in tenant.sources:
            found += [
                pytest.param(tenant, described, file, id=f"{tenant.tenant}-{file.uri}") for file in described.files
            ]
    return found


KNOWN_ROWS = {
    "tax_fy13.csv.gz": 27_424,
    "tax_fy14.csv.gz": 27_528,
    "property_database_fy2025.csv.gz": 1_000,
    "parcels_fy2013.topojson.gz": 13_159,
    "parcels_fy2014.topojson.gz": 13_116,
    "kc_house_data.csv.gz": 21_613,
}


@pytest.mark.parametrize(("tenant", "described", "file"), demo_files())
def test_every_demo_file_is_read_whole(tenant: Any, described: Source, file: SourceFileEntry) -> None:
    (county,) = tenant.county_fips
    reading = read(DATA / file.uri, described, file, county)
    if file.uri in KNOWN_ROWS:
        assert reading.rows_in == KNOWN_ROWS[file.uri]
    assert reading.rows_in == reading.accepted + reading.refused.total()
    assert reading.refused == ({"empty_geometry": 1} if file.uri == "parcels_fy2014.topojson.gz" else {})


def test_king_county_has_its_known_properties() -> None:
    described, file = source("kc_house_data.csv.gz", {"parcel_number": "id"})
    assert len(set(read(DATA / file.uri, described, file, "53033").parcels)) == 21_436


@pytest.mark.parametrize(
    ("year", "rows", "invalid", "empty", "blank_keys", "distinct"),
    [("2014", 13_116, 37, 1, 1, 13_034), ("2013", 13_159, 24, 0, None, None)],
)
def test_parcel_layers_have_their_known_traps(
    year: str, rows: int, invalid: int, empty: int, blank_keys: int | None, distinct: int | None
) -> None:
    described, file = source(f"parcels_fy{year}.topojson.gz", {"parcel_number": "ML"}, crs="EPSG:4326", **PARCELS)
    reading = read(DATA / file.uri, described, file)
    assert reading.rows_in == rows
    assert reading.repaired == invalid
    assert reading.refused == ({"empty_geometry": empty} if empty else {})
    assert len(reading.parcels) == rows - empty
    if blank_keys is not None:
        assert reading.parcels.count(None) == blank_keys
        assert len({parcel for parcel in reading.parcels if parcel}) == distinct


def test_our_topology_gives_the_shapes_that_gdal_gives() -> None:
    import pyogrio

    path = f"/vsigzip/{DATA / 'parcels_fy2014.topojson.gz'}"
    _, _, theirs, _ = pyogrio.raw.read(path, columns=[])
    described, file = source("parcels_fy2014.topojson.gz", {"parcel_number": "ML"}, crs="EPSG:4326", **PARCELS)
    shapes = shapely.from_wkb(theirs)
    batches = list(open_records(DATA / file.uri, described, file, county_fips=["25017"]))
    differing = 0
    for batch in batches:
        kept = batch.accepted.filter(~batch.accepted["is_repaired"])
        ours = shapely.from_wkb(kept["geom_4326"].to_list())
        same = shapely.equals_exact(ours, shapes[kept["record_no"].to_numpy()], tolerance=1e-9)
        differing += int((~same).sum())
    assert differing == 0


def test_a_layer_without_a_crs_is_refused_with_the_evidence() -> None:
    described, file = source("parcels_fy2014.topojson.gz", {"parcel_number": "ML"}, **PARCELS)
    with pytest.raises(UnreadableFile) as caught:
        read(DATA / file.uri, described, file)
    assert caught.value.code == "missing_crs"
    assert "x -71.1601 to -71.0668, y 42.353 to 42.4038, which may be degrees" in caught.value.message


def test_a_layer_declared_in_metres_is_refused() -> None:
    described, file = source("parcels_fy2014.topojson.gz", {"parcel_number": "ML"}, crs="EPSG:26986", **PARCELS)
    with pytest.raises(UnreadableFile, match=r"read as EPSG:26986, 100\.0% .* would fit EPSG:4326") as caught:
        read(DATA / file.uri, described, file)
    assert caught.value.code == "wrong_crs"


LUCAS = {"account_number": "sdate", "latitude": "lat", "longitude": "long", "sale_price_usd": "price"}


def test_metres_declared_as_degrees_are_refused_and_the_true_crs_is_proposed(test_data: Path) -> None:
    path = test_data / "lucas" / "lucas_house.csv"
    described, file = source("lucas_house.csv", LUCAS, crs="EPSG:4326")
    with pytest.raises(UnreadableFile) as caught:
        read(path, described, file, "39095")
    assert caught.value.code == "wrong_crs"
    assert "100.0% of 25,357 points lie more than 5 km outside" in caught.value.message
    assert "record 0 lies at x 484668.14, y 195270.35" in caught.value.message
    assert "no degrees" in caught.value.message
    assert "EPSG:32122 (NAD83 / Ohio North)" in caught.value.message
    with pytest.raises(UnreadableFile, match="outside of the range of degrees"):
        list(open_records(path, described, file, county_fips=["39095"]))


def test_with_the_true_crs_declared_the_same_file_is_read(test_data: Path) -> None:
    described, file = source("lucas_house.csv", LUCAS, crs="EPSG:32122")
    path = test_data / "lucas" / "lucas_house.csv"
    assert read(path, described, file, "39095").accepted == 25_357
    batch = next(open_records(path, described, file, county_fips=["39095"]))
    assert 41.3 < batch.accepted["latitude"].min() < batch.accepted["latitude"].max() < 41.8  # type: ignore[operator]


def test_single_strays_are_no_error_and_one_off_the_globe_is_a_refused_cell(tmp_path: Path) -> None:
    text = gzip.decompress((DATA / "kc_house_data.csv.gz").read_bytes()).decode()
    spoilt = text.replace("47.5112,-122.257", "475112,-122.257", 1)
    assert spoilt != text
    (tmp_path / "sales.csv").write_text(spoilt)
    columns = {"parcel_number": "id", "latitude": "lat", "longitude": "long"}
    described, file = source("sales.csv", columns, crs="EPSG:4326")
    reading = read(tmp_path / "sales.csv", described, file, "53033")
    assert reading.accepted == 21_613
    assert reading.cells == {("latitude", "out_of_bounds"): 1, ("longitude", "out_of_bounds"): 1}


def test_a_file_with_nothing_but_carriage_returns() -> None:
    columns = {
        "county_fips": "FIPS code",
        "account_number": "FIPS code",
        "fiscal_year": "Year",
        "gross_area_sqft": "HPI",
    }
    described, file = source("fhfa_hpi_county.csv.gz", columns, null_markers=["."])
    reading = read(DATA / file.uri, described, file)
    assert (reading.rows_in, reading.accepted) == (82_560, 82_560)
    assert not reading.cells, "the point that means null is declared, so no cell is unparseable"
    index = build_record_index(DATA / file.uri, described, file)
    assert index.records == 82_560
    assert read_record_text(DATA / file.uri, described, file, 82_559, index=index).count(b",") == 7


def roll_text() -> bytes:
    return gzip.decompress((DATA / "tax_fy14.csv.gz").read_bytes())


def roll(uri: str = "roll.csv", **changes: Any) -> tuple[Source, SourceFileEntry]:
    columns = {name: column for column, name in ROLL_2014.items()}
    return source(uri, columns, **{"encoding": "ascii", **changes})


def test_a_blank_last_line_is_no_record(tmp_path: Path) -> None:
    text = roll_text()
    assert text.endswith(b"\n\n")
    described, file = roll()
    for i, ending in enumerate((b"", b"\n", b"\n\n\n", b"\r\n \r\n")):
        path = tmp_path / f"roll{i}.csv"
        path.write_bytes(text.rstrip(b"\n") + ending)
        assert read(path, described, file).accepted == 27_528


def test_every_kind_of_line_end_gives_the_same_rows(tmp_path: Path) -> None:
    described, file = roll()
    frames = []
    for line_end in (b"\n", b"\r\n", b"\r"):
        (tmp_path / "roll.csv").write_bytes(b"\xef\xbb\xbf" + roll_text().replace(b"\n", line_end))
        batches = open_records(tmp_path / "roll.csv", described, file, county_fips=["25017"])
        frames.append([row for batch in batches for row in batch.accepted.rows()])
    assert frames[0] == frames[1] == frames[2]
    assert len(frames[0]) == 27_528


def test_a_truncated_file_loses_its_last_row_alone(tmp_path: Path) -> None:
    text = roll_text().rstrip(b"\n")
    (tmp_path / "roll.csv").write_bytes(text[:-40])
    described, file = roll()
    reading = read(tmp_path / "roll.csv", described, file)
    assert reading.rows_in == 27_528
    assert reading.refused.total() == 1
    assert set(reading.refused) <= {"wrong_cell_count", "unclosed_quote"}


def test_the_wrong_encoding_refuses_the_rows_it_hurts_and_no_other(tmp_path: Path) -> None:
    text = roll_text().decode().replace("MONSIGNOR OBRIEN HWY", "MONSIGNOR O’BRIEN HWY")
    hurt = text.count("’")
    assert hurt > 20
    (tmp_path / "roll.csv").write_bytes(text.encode("cp1252"))
    for encoding in ("ascii", "utf-8"):
        described, file = roll(encoding=encoding)
        reading = read(tmp_path / "roll.csv", described, file)
        assert reading.refused == {"undecodable_text": hurt}
        assert reading.rows_in == 27_528
    described, file = roll(encoding="cp1252")
    assert read(tmp_path / "roll.csv", described, file).accepted == 27_528


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (b'"GrossArea"', b'"Gross_Area"', "(for gross_area_sqft) is not in the header; did you mean 'Gross_Area'?"),
        (b'"ML",', b"", "column 'ML' (for parcel_number) is not in the header"),
        (b'"UseCode"', b'"Location"', "column 'Location' more than once"),
    ],
)  # fmt: skip
def test_a_changed_header_names_the_column_and_the_nearest_one(
    old: bytes, new: bytes, says: str, tmp_path: Path
) -> None:
    (tmp_path / "roll.csv").write_bytes(roll_text().replace(old, new, 1))
    described, file = roll()
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path / "roll.csv", described, file)
    assert says in caught.value.message


def test_a_zip_of_one_file_is_read_and_a_bomb_is_not(tmp_path: Path) -> None:
    path = tmp_path / "stored"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("roll.csv", roll_text())
    described, file = roll("roll.zip")
    assert read(path, described, file).accepted == 27_528
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("roll.csv", b"ML,Location,GrossArea\n" + b"0" * (64 << 20))
    with pytest.raises(UnreadableFile) as caught:
        read(path, described, file)
    assert caught.value.code == "too_large"


def test_placeholders_and_impossible_values_of_the_roll(tmp_path: Path) -> None:
    columns = {
        "parcel_number": "ML",
        "gross_area_sqft": {"column": "GrossArea", "nulls": [0, -1], "min": 1},
        "year_built": {"column": "AYBYrBuilt", "nulls": [0], "min": 1630},
        "assessed_total_value_usd": {"column": "TotalAppraisedParcelValue", "nulls": [-1]},
    }
    described, file = source("tax_fy14.csv.gz", columns)
    reading = read(DATA / file.uri, described, file)
    assert reading.cells == {("gross_area_sqft", "out_of_bounds"): 1, ("year_built", "out_of_bounds"): 1}
    with gzip.open(DATA / file.uri, "rt") as stream:
        nulls = sum(1 for row in csv.DictReader(stream) if row["AYBYrBuilt"] == "0")
    frame = [b.accepted for b in open_records(DATA / file.uri, described, file, county_fips=["25017"])]
    marked = sum(
        f.filter(f["null_reasons"].str.contains('"year_built": "null_marker"').fill_null(False)).height for f in frame
    )
    assert marked == nulls > 0


def test_first_street_tracts_reach_the_tenant_and_keep_their_percent(test_data: Path) -> None:
    columns = {"peril": {"constant": "fire"}, "zone_code": "geoid", "share_major_pct": "pct_major"}
    described, file = source(
        "firetracts_25.geojson", columns, record_type="hazard_zone", kind="hazard_tract_layer", format="geojson"
    )  # fmt: skip
    path = test_data / "firststreet" / file.uri
    expected = json.loads(path.read_bytes())["features"]
    rows = [
        row
        for batch in open_records(path, described, file, county_fips=["25017"], counties=counties()["25017"])
        for row in batch.accepted.select("record_no", "zone_code", "share_major_pct").rows()
    ]
    assert rows == [
        (i, f["properties"]["geoid"], f["properties"]["pct_major"]) for i, f in enumerate(expected) if f["geometry"]
    ]


STREAMING = """
import re, sys
from pathlib import Path
from real_estate_assets.core.tenants import Source
from real_estate_assets.stores.source_reader import open_records
whole = Source.model_validate_json(sys.argv[2])
rows = sum(b.rows_in for b in open_records(Path(sys.argv[1]), whole, whole.files[0], county_fips=["25017"]))
# Not ru_maxrss, which a child takes over from the process that started it.
print(rows, int(re.search(r"VmHWM:\\s+([0-9]+) kB", Path("/proc/self/status").read_text())[1]) // 1024)
"""


def peak_megabytes(path: Path, rolls: int) -> int:
    """Peak memory of a process that reads the roll `rolls` times over, as one file."""
    header, body = roll_text().rstrip(b"\n").split(b"\n", 1)
    with path.open("wb") as stream:
        stream.write(header + b"\n")
        for _ in range(rolls):
            stream.write(body + b"\n")
    described, _ = roll()
    command = [sys.executable, "-c", STREAMING, str(path), described.model_dump_json(by_alias=True)]
    rows, megabytes = subprocess.run(command, check=True, capture_output=True, text=True, timeout=120).stdout.split()
    assert int(rows) == rolls * 27_528
    return int(megabytes)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel does not tell the peak of memory")
def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    small, large = (peak_megabytes(tmp_path / "roll.csv", rolls) for rolls in (4, 24))
    assert large < small + 60, "20 rolls more are 70 MB of text, and several times that as Python objects"
    assert large < 500

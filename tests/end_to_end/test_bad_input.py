"""Every trap of bad input through the whole pipeline, all at once beside an honest tenant: a clear error, nothing lost.

All tenants are of one run, as in a real chunk, so that each trap also proves that no other tenant is stopped. REFUSED
are those whose file cannot be used: the message names the file and what to do. ROW_TRAPS stand in one file whose other
rows are served, while the bad ones stand in quarantine with file, row, column and advice.
"""

from __future__ import annotations

import gzip
import json
import os
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from real_estate_assets.core.tenants import TenantFileError, parse_tenant_file
from real_estate_assets.stores.warehouse import evidence, quarantine, tenants
from tests.made_platform import (
    HEADER,
    ROWS,
    Platform,
    csv_bytes,
    describe,
    feature_collection,
    packed,
    parcel_layer,
    parcel_source,
    platform,
    polygon,
    roll_rows,
    roll_source,
    square,
)

ADVICE = re.compile(
    r"\b(check|complete|separate|name|declare|mend|save|correct|quote|fetch|keep|map|split|remove)\w*\b", re.IGNORECASE
)
COLUMN = {name: place for place, name in enumerate(HEADER)}


def _rows(*changes: tuple[int, str, Any]) -> list[list[Any]]:
    """A roll with some cells changed: (row, column, value)."""
    rows = roll_rows()
    for row, column, value in changes:
        rows[row][COLUMN[column]] = value
    return rows


def _roll(content: bytes, uri: str = "roll.csv", **more: Any) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    return [roll_source(uri, **more)], {uri: content}


def _parcels(
    content: bytes, uri: str = "parcels.geojson", **more: Any
) -> tuple[list[dict[str, Any]], dict[str, bytes]]:
    sources = [roll_source("roll.csv"), parcel_source(uri, **more)]
    return sources, {"roll.csv": csv_bytes(roll_rows()), uri: content}


def _zip(*members: tuple[str, bytes]) -> bytes:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def _in_metres() -> bytes:
    """The parcels as Lucas County publishes them: numbers in a projection, said to be degrees."""
    rings = [
        [[700_000 + 50 * x, 3_000_000 + 50 * y] for x, y in ((i, 0), (i + 1, 0), (i + 1, 1), (i, 1), (i, 0))]
        for i in range(ROWS)
    ]
    return feature_collection([polygon({"ML": f"P{i}"}, [ring]) for i, ring in enumerate(rings)])


def _elsewhere() -> bytes:
    """Degrees, but of another state."""
    shifted = [[[[x - 20, y] for x, y in ring] for ring in square(i)] for i in range(ROWS)]
    return feature_collection([polygon({"ML": f"P{i}"}, rings) for i, rings in enumerate(shifted)])


def _with_a_bow_tie() -> bytes:
    """The parcels and one more, whose ring crosses itself."""
    ring = [[-71.1, 42.37], [-71.099, 42.371], [-71.099, 42.37], [-71.1, 42.371], [-71.1, 42.37]]
    whole = [polygon({"ML": f"P{i}"}, square(i)) for i in range(ROWS)]
    return feature_collection([*whole, polygon({"ML": "P99"}, [ring])])


def _without_a_shape() -> bytes:
    """The parcels, the first without a geometry."""
    whole = [polygon({"ML": f"P{i}"}, square(i)) for i in range(1, ROWS)]
    return feature_collection([{"properties": {"ML": "P0"}, "geometry": None}, *whole])


def _topology() -> bytes:
    """A TopoJSON of one square; the format has no place for a CRS."""
    ring = square(0)[0]
    geometry = {"type": "Polygon", "arcs": [[0]], "properties": {"ML": "P0"}}
    return json.dumps(
        {
            "type": "Topology",
            "arcs": [ring],
            "objects": {"parcels": {"type": "GeometryCollection", "geometries": [geometry]}},
        }
    ).encode()


@dataclass(frozen=True)
class Refused:
    """A tenant that must be stopped at a stage, with a message that says these things."""

    sources: list[dict[str, Any]]
    files: Mapping[str, bytes]
    stage: str
    says: Sequence[str]


GOOD = csv_bytes(roll_rows())
# Those that are mended in the last test have names that stand side by side: neighbours are one chunk of one run.
REFUSED: dict[str, Refused] = {
    "not-delivered": Refused([roll_source("roll.csv")], {}, "landing/source_files", ["roll.csv", "awaited"]),
    "out-of-its-folder": Refused(
        [roll_source("../honest/roll.csv")],
        {},
        "landing/source_files",
        ["../honest/roll.csv", "out of the tenant's data folder"],
    ),
    "same-file-twice": Refused(
        [roll_source("fy13.csv", {"uri": "fy14.csv", "vintage": "2013-01-01"})],
        {"fy13.csv": GOOD, "fy14.csv": GOOD},
        "landing/source_files",
        ["fy14.csv", "fy13.csv", "Deliver the right file"],
    ),
    "empty": Refused(*_roll(b""), "records", ["roll.csv", "empty"]),
    "header-only": Refused(*_roll(csv_bytes([])), "records", ["roll.csv", "no records"]),
    "utf-16": Refused(
        *_roll(csv_bytes(roll_rows(), encoding="utf-16")), "records", ["roll.csv", "UTF-16", "Save it as UTF-8"]
    ),
    "column-renamed": Refused(
        *_roll(csv_bytes(roll_rows(), [*HEADER[:4], "LandVal", *HEADER[5:]])),
        "records",
        ["roll.csv", "'Land'", "assessed_land_value_usd", "LandVal", "tenant file"],
    ),
    "mended-column-missing": Refused(
        *_roll(csv_bytes([r[:-1] for r in roll_rows()], HEADER[:-1])),
        "records",
        ["roll.csv", "'SalePrice'", "sale_price_usd"],
    ),
    "column-twice": Refused(
        *_roll(csv_bytes(roll_rows(), [*HEADER[:-1], "SaleDate"])),
        "records",
        ["roll.csv", "SaleDate", "more than once"],
    ),
    "mended-truncated-archive": Refused(
        *_roll(packed(GOOD)[:-40], "roll.csv.gz"), "records", ["roll.csv.gz", "cut short", "Fetch the file again"]
    ),
    "zip-bomb": Refused(*_roll(packed(b"\0" * (32 << 20)), "roll.csv.gz"), "records", ["roll.csv.gz", "200 times"]),
    "zip-of-a-zip": Refused(
        *_roll(_zip(("in.zip", _zip(("roll.csv", GOOD)))), "roll.csv.zip"),
        "records",
        ["roll.csv.zip", "another archive"],
    ),
    "zip-of-two": Refused(
        *_roll(_zip(("a.csv", GOOD), ("b.csv", GOOD)), "roll.csv.zip"),
        "records",
        ["roll.csv.zip", "2 files", "exactly one"],
    ),
    "workbook": Refused(
        *_roll(_zip(("xl/workbook.xml", b"<x/>"))), "records", ["roll.csv", "zip archive", "saved as csv"]
    ),
    "mended-metres-as-degrees": Refused(*_parcels(_in_metres()), "records", ["parcels.geojson", "degrees", "crs"]),
    "another-state": Refused(
        *_parcels(_elsewhere()), "records", ["parcels.geojson", "100.0% of 30 points", "county_fips"]
    ),
    "topojson-without-crs": Refused(
        *_parcels(_topology(), "parcels.topojson", format="topojson", layer="parcels", crs=None),
        "records",
        ["parcels.topojson", "CRS"],
    ),
    "no-layer-of-that-name": Refused(
        *_parcels(_topology(), "parcels.topojson", format="topojson", layer="lots"),
        "records",
        ["parcels.topojson", "lots", "parcels"],
    ),
    "not-json": Refused(*_parcels(b"<html>502 Bad Gateway</html>"), "records", ["parcels.geojson"]),
    "truncated-json": Refused(*_parcels(parcel_layer()[:-200]), "records", ["parcels.geojson"]),
    "mended-keys-all-blank": Refused(
        *_roll(csv_bytes([["", "", *r[2:]] for r in roll_rows()])),
        "records",
        ["blocking checks failed", "batch_rules_hold"],
    ),
}

# One roll with a trap a row: (row, change of its cells, what becomes of it). `None`: the row is accepted as it is.
SQL_IN_A_CELL = "1 Main St'); drop table marts.dim_properties; --"
MANY = 80
ROW_TRAPS: dict[str, tuple[int, dict[str, Any], tuple[str, str] | None]] = {
    "null key": (5, {"PID": "", "ML": ""}, ("gate", "parcel_number")),
    "negative area": (6, {"Area": -5}, ("gate", "lot_size_sqft")),
    "-9999 that nobody declared": (8, {"Area": -9999}, ("gate", "lot_size_sqft")),
    "year 0": (9, {"Built": 0}, ("gate", "year_built")),
    "a date that is none": (12, {"SaleDate": "31/02/2012"}, ("cell", "sale_date")),
    "words for a number": (13, {"Living": "n/k"}, ("cell", "living_area_sqft")),
    "more than a number can be": (14, {"Living": "1e999"}, ("cell", "living_area_sqft")),
    "not a number": (15, {"Area": "NaN"}, ("cell", "lot_size_sqft")),
    "SQL": (16, {"Address": SQL_IN_A_CELL}, None),
    "quotes and a line end in a cell": (17, {"Address": 'the "old" mill\n7 River Street'}, None),
    "not UTF-8": (20, {"Address": "20 Caf\udce9 Street"}, ("read", "Address")),
    "a zero byte": (21, {"Address": "21\0 Main Street"}, ("read", "Address")),
    "the same key thrice, first": (30, {"PID": "", "ML": "P30"}, ("identity", "parcel_number")),
    "the same key thrice, second": (
        31,
        {"PID": "", "ML": "P30", "Address": "130 Main Street"},
        ("identity", "parcel_number"),
    ),
    "the same key, another address": (32, {"PID": "", "ML": "P30", "Address": "9 Other Street"}, None),
}
TOO_MANY_CELLS = 40
CUT_SHORT = MANY - 1


def _bad_rows() -> bytes:
    rows = roll_rows(MANY)
    for row, cells, _ in ROW_TRAPS.values():
        for name, value in cells.items():
            rows[row][COLUMN[name]] = value
    text = csv_bytes(rows, errors="surrogateescape")
    text = text.replace(b"A40,P40,", b"A40,P40,x,", 1)
    return text[: text.rindex(b"Main")]  # the file ends in the middle of a row


# Files that are only written differently: each is a source of one tenant, and each gives all its rows.
WRITTEN_DIFFERENTLY: dict[str, tuple[bytes, dict[str, Any]]] = {
    "mark.csv": (csv_bytes(roll_rows(), encoding="utf-8-sig"), {"encoding": "utf-8-sig"}),
    "undeclared-mark.csv": (csv_bytes(roll_rows(), encoding="utf-8-sig"), {}),
    "blank-last-lines.csv": (GOOD + b"\n\n  \n", {}),
    "no-last-end.csv": (GOOD.rstrip(b"\n"), {}),
    "cr-only.csv": (csv_bytes(roll_rows(), end="\r"), {}),
    "crlf.csv": (csv_bytes(roll_rows(), end="\r\n"), {}),
    'ro\'ll "2013".csv': (GOOD, {}),
    "packed.csv.gz": (packed(GOOD), {}),
    "packed.csv.zip": (_zip(("roll.csv", GOOD)), {}),
    "western.csv": (csv_bytes(_rows((7, "Address", "7 Café Street")), encoding="cp1252"), {"encoding": "cp1252"}),
    "declared-9999.csv": (csv_bytes(_rows((8, "Area", -9999))), {"null_markers": [-9999]}),
}
SHAPES = ("bow-tie.geojson", "without-shape.geojson")


@pytest.fixture(scope="module")
def estate(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """All traps and the honest tenant, run once, each stage for all of them."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("bad-input") / "platform") as made:
        for tenant_id, trap in REFUSED.items():
            made.add(tenant_id, trap.sources, trap.files)
        made.add("ten-gigabytes", [roll_source("roll.csv")], {"roll.csv": b""})
        os.truncate(made.inbox / "ten-gigabytes" / "roll.csv", 10 << 30)  # a claim: the file is sparse
        _add_raw(made, "unknown-word", lambda text: text.replace('"licence"', '"license"'))
        made.add("honest", *_parcels(parcel_layer()))
        made.add("bad-rows", *_roll(_bad_rows()))
        written = {name: content for name, (content, _) in WRITTEN_DIFFERENTLY.items()}
        sources = [
            roll_source(name, **{"name": f"roll_{i}", **how})
            for i, (name, (_, how)) in enumerate(WRITTEN_DIFFERENTLY.items())
        ]
        made.add("written-differently", sources, written)
        shapes = [parcel_source(name, name=f"layer_{i}") for i, name in enumerate(SHAPES)]
        made.add(
            "bad-shapes",
            [roll_source("roll.csv"), *shapes],
            {"roll.csv": GOOD, SHAPES[0]: _with_a_bow_tie(), SHAPES[1]: _without_a_shape()},
        )
        made.run()
        yield made


def _add_raw(made: Platform, tenant_id: str, spoil: Callable[[str], str]) -> None:
    """A description that nobody checked before it came into the register."""
    text = spoil(describe(tenant_id, roll_source("roll.csv")))
    base = made.put(tenant_id, {"roll.csv": GOOD}).as_uri()
    tenants.add_tenant(made.warehouse, tenant_id, tenant_name=tenant_id, description=text, base_uri=base)


@pytest.mark.parametrize("tenant_id", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_message_that_helps(estate: Platform, tenant_id: str) -> None:
    trap = REFUSED[tenant_id]
    message = estate.error(tenant_id, trap.stage)
    assert message is not None
    for words in trap.says:
        assert words in message, message
    assert "Traceback" not in message
    assert not estate.query("select from tenancy.outcome where tenant_id = %s and node_id = 'publish'", tenant_id)
    assert estate.materializations("marts/dim_properties", tenant_id) == [], "a tenant that failed looks fresh"


def test_ten_gigabytes_are_not_even_copied(estate: Platform) -> None:
    message = estate.error("ten-gigabytes", "landing/source_files")
    assert message is not None
    assert "roll.csv" in message
    assert "10,737,418,240" in message
    assert "4,294,967,296" in message


def test_an_unknown_word_in_a_description_is_named_with_its_line(estate: Platform) -> None:
    message = estate.error("unknown-word", "landing/source_files")
    assert message is not None
    assert "unknown-word.yaml" in message
    assert "'license' is not a word of this place" in message
    assert "licence" in message


@pytest.mark.parametrize("tenant_id", ["honest", "bad-rows", "written-differently", "bad-shapes"])
def test_a_tenant_whose_files_can_be_used_is_published(estate: Platform, tenant_id: str) -> None:
    for stage in ("landing/source_files", "records", "enrichment", "calibration", "warehouse"):
        assert estate.error(tenant_id, stage) is None
    assert len(estate.materializations("marts/dim_properties", tenant_id)) == 1


@pytest.mark.parametrize("trap", ROW_TRAPS)
def test_a_bad_row_is_named_and_its_neighbours_are_served(estate: Platform, trap: str) -> None:
    row, _, expected = ROW_TRAPS[trap]
    rejected = estate.query(
        "select stage, column_name from quarantine.record where tenant_id = 'bad-rows' and record_no = %s", row
    )
    nulled = estate.query(
        "select column_name from quarantine.cell where tenant_id = 'bad-rows' and record_no = %s", row
    )
    is_cell = expected is not None and expected[0] == "cell"
    assert rejected == ([] if expected is None or is_cell else [expected])
    assert nulled == ([(expected[1],)] if expected is not None and is_cell else [])
    if is_cell and expected is not None:
        reason = estate.one(
            "select null_reasons->>%s from raw.property where tenant_id = 'bad-rows' and record_no = %s",
            expected[1],
            row,
        )
        assert reason == "unparseable"


@pytest.mark.parametrize("row", [TOO_MANY_CELLS, CUT_SHORT])
def test_a_row_with_other_cells_than_the_header_is_refused_alone(estate: Platform, row: int) -> None:
    found = estate.query(
        "select stage, rule from quarantine.record where tenant_id = 'bad-rows' and record_no = %s", row
    )
    assert [stage for stage, _ in found] == ["read"]


def test_text_that_looks_like_a_statement_is_text(estate: Platform) -> None:
    for trap in ("SQL", "quotes and a line end in a cell"):
        row, cells, _ = ROW_TRAPS[trap]
        assert (
            estate.one("select address_raw from raw.property where tenant_id = 'bad-rows' and record_no = %s", row)
            == cells["Address"]
        )


def test_good_rows_of_a_file_with_bad_ones_are_served(estate: Platform) -> None:
    rejected = {row for row, _, what in ROW_TRAPS.values() if what is not None and what[0] != "cell"} | {
        TOO_MANY_CELLS,
        CUT_SHORT,
    }
    assert estate.one("select count(*) from marts.dim_properties where tenant_id = 'bad-rows'") == MANY - len(rejected)


def test_a_quarantined_row_says_where_it_stands_and_what_to_do(estate: Platform) -> None:
    rules = quarantine.rejected_by_rule(estate.warehouse, "bad-rows")
    assert {rule.stage for rule in rules} == {"read", "gate", "identity"}
    for rule in rules:
        assert all(sample.startswith("roll.csv") for sample in rule.samples), rule.samples
        assert rule.samples, "where the rows stand"
        assert ADVICE.search(rule.message), rule.message


@pytest.mark.parametrize("name", WRITTEN_DIFFERENTLY)
def test_all_rows_of_a_file_that_is_only_written_differently_are_served(estate: Platform, name: str) -> None:
    file = next(f for f in evidence.files(estate.warehouse, "written-differently") if f.uri == name)
    account = quarantine.account(estate.warehouse, "written-differently", file.file_no)
    assert (account.rows_in, account.accepted, account.quarantined) == (ROWS, ROWS, 0)


def test_declared_encodings_and_nulls_are_believed(estate: Platform) -> None:
    value = (
        "select {} from raw.property p join prov.source_file f using (tenant_id, file_no)"
        " where tenant_id = 'written-differently' and uri = %s and record_no = %s"
    )
    assert estate.one(value.format("address_raw"), "western.csv", 7) == "7 Café Street"
    assert estate.one(value.format("null_reasons->>'lot_size_sqft'"), "declared-9999.csv", 8) == "null_marker"
    assert estate.one(value.format("account_number"), "undeclared-mark.csv", 0) == "A0"


def test_an_invalid_ring_is_repaired_and_counted_and_a_missing_shape_is_refused(estate: Platform) -> None:
    assert estate.query("select record_no from raw.parcel where tenant_id = 'bad-shapes' and is_repaired") == [(ROWS,)]
    found = estate.query("select record_no, stage, column_name from quarantine.record where tenant_id = 'bad-shapes'")
    assert found == [(0, "read", "geom_4326")]
    event = estate.latest("records/parcels", "bad-shapes")
    assert event["rows_in"] == 2 * ROWS + 1
    assert event["quarantined"] == 1


def test_rows_in_are_accepted_plus_quarantined_for_every_file(estate: Platform) -> None:
    counted = 0
    for tenant_id in ("honest", "bad-rows", "written-differently", "bad-shapes"):
        for file in evidence.files(estate.warehouse, tenant_id):
            account = quarantine.account(estate.warehouse, tenant_id, file.file_no)
            assert account.balances, (tenant_id, file.uri)
            counted += account.rows_in
    assert counted == 2 * ROWS + MANY + len(WRITTEN_DIFFERENTLY) * ROWS + 3 * ROWS + 1


def test_a_refused_file_is_kept_and_shows_why(estate: Platform) -> None:
    file = evidence.files(estate.warehouse, "mended-truncated-archive")[0]
    assert file.read_status == "refused"
    assert file.read_error == REFUSED["mended-truncated-archive"].says[0] + file.read_error[len("roll.csv.gz") :]
    assert file.record_count is None


def test_a_file_that_grows_while_it_is_landed_is_not_stored(estate: Platform) -> None:
    estate.add("growing", [roll_source("roll.csv")], {"roll.csv": csv_bytes(roll_rows(60_000))})
    stop = threading.Event()
    writer = threading.Thread(target=_append_until, args=(estate.inbox / "growing" / "roll.csv", stop))
    writer.start()
    try:
        estate.run("growing", stages=["landing"])
    finally:
        stop.set()
        writer.join()
    message = estate.error("growing", "landing/source_files")
    assert message is not None
    assert "roll.csv" in message
    assert "changed while it was read" in message
    assert "wait until it is complete" in message
    assert evidence.files(estate.warehouse, "growing") == []


def _append_until(path: Path, stop: threading.Event) -> None:
    with path.open("ab", buffering=0) as file:
        while not stop.is_set():
            file.write(b"A0,P0,,1 Main Street,1,1,2,1,1,1990,01/06/2012,1\n")


@pytest.mark.parametrize(
    "slug", ["o'brien", 'a"; drop schema marts cascade; --', "A", "-a", "a_b", "", "a" * 64, "a\n", "../x", "a/b", "ä"]
)
def test_a_slug_that_is_none_reaches_no_statement(estate: Platform, slug: str) -> None:
    with pytest.raises(tenants.TenantError, match="cannot name a tenant"):
        tenants.add_tenant(estate.warehouse, slug, tenant_name="x", description="x", base_uri="file:///nowhere")
    with pytest.raises(TenantFileError) as caught:
        parse_tenant_file(describe(slug, roll_source("roll.csv")), name="x.yaml")
    assert "tenant" in str(caught.value)
    assert estate.one("select count(*) from marts.dim_properties where tenant_id = 'honest'") == ROWS


def test_a_refused_tenant_is_healed_by_a_repaired_file(estate: Platform) -> None:
    """The refused bytes stay landed; the file that replaces them is what counts."""
    for tenant_id, uri, content in (
        ("mended-column-missing", "roll.csv", GOOD),
        ("mended-truncated-archive", "roll.csv.gz", gzip.compress(GOOD)),
        ("mended-keys-all-blank", "roll.csv", GOOD),
        ("mended-metres-as-degrees", "parcels.geojson", parcel_layer()),
    ):
        estate.put(tenant_id, {uri: content})
    healed = ["mended-column-missing", "mended-truncated-archive", "mended-keys-all-blank", "mended-metres-as-degrees"]
    estate.run(*healed)
    for tenant_id in healed:
        assert estate.error(tenant_id, "records") is None
        assert estate.one("select count(*) from marts.dim_properties where tenant_id = %s", tenant_id) == ROWS
        assert estate.error(tenant_id, "warehouse") is None

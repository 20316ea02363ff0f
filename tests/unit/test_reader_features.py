"""GeoJSON and TopoJSON feature by feature: none lost, each at its own index, shapes valid, CRS judged by its places."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import Polygon, box

from real_estate_assets.core.records.batch import RecordBatch, UnreadableFile
from real_estate_assets.core.records.feature_batches import agreed_crs
from real_estate_assets.core.records.features import FeatureStream, property_text
from real_estate_assets.core.records.geometry import fit_shapes, polygonal
from real_estate_assets.core.records.placement import PlacementCheck, fitting_crs, widened
from real_estate_assets.core.records.topology import Topology
from real_estate_assets.core.tenants import Source, SourceFileEntry
from real_estate_assets.stores.source_reader import build_record_index, open_records, read_record_text

COUNTY = box(-71.9, 42.1, -71.0, 42.8)  # about where Middlesex County, Massachusetts, lies
BOWTIE = [[[-71.1, 42.3], [-71.0, 42.4], [-71.0, 42.3], [-71.1, 42.4], [-71.1, 42.3]]]


def feature(geometry: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def square(x: float, y: float, size: float = 0.01) -> dict[str, Any]:
    return json.loads(shapely.to_geojson(box(x, y, x + size, y + size)))


def collection(*features: Any, **members: Any) -> bytes:
    return json.dumps({"type": "FeatureCollection", **members, "features": features}).encode()


def source(**changes: Any) -> tuple[Source, SourceFileEntry]:
    described = {
        "name": "parcels",
        "kind": "parcel_layer",
        "record_type": "parcel",
        "format": "geojson",
        "crs": "EPSG:4326",
        "licence": "CC0",
        "origin": "a test",
        "columns": {"parcel_number": "ML"},
        "files": [{"uri": "parcels.geojson"}],
        **changes,
    }
    whole = Source.model_validate(described)
    return whole, whole.files[0]


def read(
    path: Path, data: bytes, *, counties: Any = COUNTY, batch_rows: int = 50_000, **changes: Any
) -> list[RecordBatch]:
    path.write_bytes(data)
    described, file = source(**changes)
    return list(
        open_records(path, described, file, county_fips=["25017"], counties=counties, batch_rows=batch_rows)
    )  # fmt: skip


def refusals(batches: list[RecordBatch]) -> list[tuple[int, str]]:
    return [(r.record_no, r.rule) for batch in batches for r in batch.rejected]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text('a"\\{}[]é\n', max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text('f"{}[]\\', max_size=4), inner, max_size=3),
    max_leaves=6,
)


@given(
    items=st.lists(
        st.dictionaries(st.text('af{}"\\', max_size=4), json_values, max_size=3) | st.integers(), max_size=6
    ),
    before=st.dictionaries(st.sampled_from(["name", "crs", "meta"]), json_values, max_size=2),
    after=st.dictionaries(st.sampled_from(["bbox", "more"]), json_values, max_size=2),
    indent=st.sampled_from([None, 1]),
    chunk=st.sampled_from([1, 3, 1000]),
)
@settings(deadline=None, max_examples=200)
def test_features_are_cut_where_a_whole_parser_finds_them(
    items: list[Any], before: dict[str, Any], after: dict[str, Any], indent: int | None, chunk: int
) -> None:
    text = json.dumps({**before, "features": items, **after}, indent=indent).encode()
    stream = FeatureStream((text[i : i + chunk] for i in range(0, len(text), chunk)), "t.geojson")
    assert [json.loads(item) for item in stream] == items
    assert stream.members == {**before, "features": [], **after}


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", "wrong_format", "is no GeoJSON FeatureCollection"),
        (b"[1, 2]", "wrong_format", "is no GeoJSON FeatureCollection"),
        (b'{"type": "Feature", "properties": {"features": []}}', "wrong_format", "is no GeoJSON"),
        (collection(feature(square(-71.2, 42.3), ML="1"))[:-1][:-1], "wrong_format", "Fetch the file again"),
        (collection(feature(square(-71.2, 42.3), ML="1"))[:-30], "wrong_format", "Fetch the file again"),
        (collection(), "empty_file", "has no records"),
        (collection(feature(square(-71.2, 42.3), MAPLOT="1")), "missing_column", "no feature has a property 'ML'"),
    ],
)
def test_a_file_that_is_no_collection_says_so(data: bytes, code: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path / "p.geojson", data)
    assert caught.value.code == code
    assert says in caught.value.message


def test_every_feature_keeps_its_index_whatever_becomes_of_it(tmp_path: Path) -> None:
    data = collection(
        feature(square(-71.2, 42.3), ML="1"),
        feature(None, ML="2"),
        feature({"type": "Polygon", "coordinates": []}, ML="3"),
        feature({"type": "Polygon", "coordinates": [[[-71.2, 42.3], [-71.1, 42.3], [-71.1, 42.4]]]}, ML="4"),
        feature({"type": "Point", "coordinates": [-71.2, 42.3]}, ML="5"),
        {"type": "Other"},
        17,
        feature({"type": "Polygon", "coordinates": BOWTIE}, ML="8"),
        feature(square(-71.3, 42.3), ML=None),
        feature({"type": "MultiPolygon", "coordinates": [square(-71.4, 42.3)["coordinates"]]}, ML=10),
    )
    for batch_rows in (1, 3, 100):
        batches = read(tmp_path / "p.geojson", data, batch_rows=batch_rows)
        assert refusals(batches) == [
            (1, "empty_geometry"), (2, "empty_geometry"), (3, "unreadable_geometry"), (4, "unreadable_geometry"),
            (5, "malformed_feature"), (6, "malformed_feature"),
        ]  # fmt: skip
        rows = [r for b in batches for r in b.accepted.select("record_no", "parcel_number", "is_repaired").rows()]
        assert rows == [(0, "1", False), (7, "8", True), (8, None, False), (9, "10", False)]
        assert all(b.rows_in == b.accepted.height + len(b.rejected) <= batch_rows for b in batches)
        shapes = shapely.from_wkb([w for b in batches for w in b.accepted["geom_4326"].to_list()])
        assert all(shapely.is_valid(shapes))
        assert {shape.geom_type for shape in shapes} <= {"Polygon", "MultiPolygon"}
    described, file = source()
    assert json.loads(read_record_text(tmp_path / "p.geojson", described, file, 7))["properties"] == {"ML": "8"}
    with pytest.raises(IndexError):
        read_record_text(tmp_path / "p.geojson", described, file, 10)
    assert build_record_index(tmp_path / "p.geojson", described, file).offsets == []


def test_a_zero_character_in_a_property_refuses_its_feature(tmp_path: Path) -> None:
    data = collection(feature(square(-71.2, 42.3), ML="a\0b"), feature(square(-71.2, 42.3), ML="1", other="\0"), 3)
    batches = read(tmp_path / "p.geojson", data)
    assert refusals(batches) == [(0, "nul_byte"), (2, "malformed_feature")]
    assert "\0" not in batches[0].rejected[0].value


def test_repair_keeps_the_area_and_drops_what_has_none() -> None:
    bowtie = Polygon(BOWTIE[0])
    repaired = polygonal(shapely.make_valid(bowtie))
    assert repaired is not None
    assert repaired.area == pytest.approx(0.005)
    spike = polygonal(shapely.make_valid(Polygon([(0, 0), (2, 0), (1, 0), (1, 1), (0, 1)])))
    assert spike is not None
    assert spike.geom_type == "Polygon"
    assert polygonal(shapely.LineString([(0, 0), (1, 1)])) is None


def test_shapes_come_out_flat_and_in_degrees() -> None:
    mercator = Polygon([(-7914800, 5216000, 9), (-7914700, 5216000, 9), (-7914700, 5216100, 9)])
    shapes = fit_shapes([mercator, None], [False, False], "EPSG:3857")
    moved = shapely.from_wkb(shapes.wkb[0])
    assert not moved.has_z
    assert moved.within(COUNTY)
    assert shapes.rules == [None, "empty_geometry"]
    assert np.isnan(shapes.x[1])


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, None), ("a", "a"), (True, "true"), (7, "7"), (5487.0, "5487.0"), (0.1, "0.1"), ({"a": 1}, '{"a":1}')],
)
def test_a_property_is_read_as_the_text_a_cell_would_hold(value: Any, text: str | None) -> None:
    assert property_text(value) == text


@given(st.decimals(-(10**12), 10**12, allow_nan=False, places=2))
def test_amounts_in_json_keep_their_cents(amount: Any) -> None:
    from decimal import Decimal

    assert Decimal(property_text(json.loads(str(amount))) or "") == amount


OGC = {"type": "name", "properties": {"name": "urn:ogc:def:crs:OGC:1.3:CRS84"}}


def test_the_files_own_crs_is_used_and_must_not_contradict(tmp_path: Path) -> None:
    one = feature(square(-71.2, 42.3), ML="1")
    assert read(tmp_path / "p.geojson", collection(one, crs=OGC), crs=None)
    assert read(tmp_path / "p.geojson", collection(one, crs=OGC), crs="EPSG:4326")
    with pytest.raises(UnreadableFile, match=r"states the CRS 'urn:ogc:def:crs:OGC:1\.3:CRS84' but") as caught:
        read(tmp_path / "p.geojson", collection(one, crs=OGC), crs="EPSG:3857")
    assert caught.value.code == "conflicting_crs"
    late = json.dumps({"type": "FeatureCollection", "features": [one], "crs": OGC}).encode()
    with pytest.raises(UnreadableFile, match="tenant file declares 'EPSG:3857'"):
        read(tmp_path / "p.geojson", late, crs="EPSG:3857", counties=None)


def test_without_any_crs_the_evidence_is_shown(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(tmp_path / "p.geojson", collection(feature(square(-71.2, 42.3), ML="1")), crs=None)
    assert caught.value.code == "missing_crs"
    assert "x -71.2 to -71.19, y 42.3 to 42.31, which may be degrees" in caught.value.message
    with pytest.raises(UnreadableFile, match="which are no degrees"):
        agreed_crs(None, None, [box(484668, 195270, 484700, 195300)], "t")


def points(count: int, x: float, y: float) -> Iterator[Any]:
    yield from (np.arange(count), np.full(count, x), np.full(count, y), np.full(count, x), np.full(count, y))


def check(inside: int, outside: int, x: float = -80.0) -> PlacementCheck:
    placement = PlacementCheck("t.csv", "EPSG:4326", COUNTY)
    placement.add(*points(inside, -71.5, 42.4))
    placement.add(*points(outside, x, 42.4))
    return placement


def test_strays_are_no_error_and_more_than_five_percent_are() -> None:
    check(95, 5).conclude()
    with pytest.raises(UnreadableFile) as caught:
        check(94, 6).conclude()
    assert caught.value.code == "wrong_crs"
    assert "6.0% of 100 points lie more than 5 km outside of the tenant's counties" in caught.value.message
    assert "record 0 lies at x -80, y 42.4" in caught.value.message


def test_five_kilometres_are_forgiven() -> None:
    check(0, 100, x=-71.9 - 0.055).conclude()  # 4.5 km at this latitude
    with pytest.raises(UnreadableFile):
        check(0, 100, x=-71.9 - 0.065).conclude()
    assert widened(COUNTY, 5_000).contains(COUNTY)


def test_exchanged_axes_and_projected_metres_are_recognised() -> None:
    assert "exchanged" in fitting_crs(np.array([42.4]), np.array([-71.5]), COUNTY)[0]
    x, y = np.array([-7959343.6]), np.array([5222456.3])
    assert fitting_crs(x, y, COUNTY)[0].startswith("EPSG:3857")


def test_a_layer_may_cover_more_but_must_reach_the_counties(tmp_path: Path) -> None:
    layer = {"record_type": "hazard_zone", "kind": "hazard_tract_layer"}
    columns = {"peril": {"constant": "flood"}, "zone_code": "id"}
    state = [feature(square(-73.5 + i * 0.01, 42.3), id=str(i)) for i in range(200)]
    assert read(
        tmp_path / "z.geojson", collection(*state, feature(square(-71.5, 42.3), id="x")), columns=columns, **layer
    )
    with pytest.raises(UnreadableFile, match="none of 10 zones reaches the tenant's counties"):
        read(tmp_path / "z.geojson", collection(*state[:10]), columns=columns, **layer)


ARCS = [
    [[0, 0], [100, 0]],
    [[100, 0], [0, 100], [-100, 0]],
    [[0, 100], [0, -100]],
    [[100, 0], [100, 0], [0, 100], [-100, 0]],
]
TOPOLOGY: dict[str, Any] = {
    "type": "Topology",
    "transform": {"scale": [0.0001, 0.0001], "translate": [-71.5, 42.3]},
    "arcs": ARCS,
    "objects": {
        "parcels": {
            "type": "GeometryCollection",
            "geometries": [
                {"type": "Polygon", "arcs": [[0, 1, 2]], "properties": {"ML": "1"}},
                {"type": None, "properties": {"ML": "2"}},
                {"type": "MultiPolygon", "arcs": [[[3, -2, 0]], []], "properties": {"ML": "3"}},
                {"type": "Polygon", "arcs": [[99]], "properties": {"ML": "4"}},
                {"type": "Polygon", "arcs": [[0]], "properties": {"ML": "5"}},
            ],
        }
    },
}


def test_arcs_are_put_together_forwards_and_backwards() -> None:
    topology = Topology(json.dumps(TOPOLOGY).encode(), "t", None)
    first = topology.shape(topology.features[0])
    assert first is not None
    assert first.equals_exact(box(-71.5, 42.3, -71.49, 42.31), tolerance=1e-12, normalize=True)
    assert topology.shape(topology.features[1]) is None
    with pytest.raises(ValueError, match="index"):
        topology.shape(topology.features[3])
    collapsed = topology.shape(topology.features[4])
    assert collapsed is not None
    assert collapsed.is_empty


def test_a_topology_is_read_with_every_feature_in_its_place(tmp_path: Path) -> None:
    change = {"format": "topojson", "files": [{"uri": "p.topojson"}]}
    batches = read(tmp_path / "p", json.dumps(TOPOLOGY).encode(), batch_rows=2, **change)
    assert [b.rows_in for b in batches] == [2, 2, 1]
    assert [n for b in batches for n in b.accepted["record_no"]] == [0, 2]
    assert refusals(batches) == [(1, "empty_geometry"), (3, "unreadable_geometry"), (4, "empty_geometry")]
    described, file = source(**change)
    assert json.loads(read_record_text(tmp_path / "p", described, file, 2))["properties"] == {"ML": "3"}


@pytest.mark.parametrize(
    ("changes", "layer", "says"),
    [
        ({"type": "Other"}, None, "is no TopoJSON topology"),
        ({"objects": {}}, None, "has no objects"),
        ({"objects": {"a": {}, "b": {}}}, None, "has 2 layers; name one as 'layer': a, b"),
        ({}, "parcel", "has no layer 'parcel'; did you mean 'parcels'?"),
        ({"arcs": [["x"]]}, None, "its arcs cannot be decoded"),
    ],
)
def test_a_topology_that_cannot_be_read_says_why(changes: dict[str, Any], layer: str | None, says: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        Topology(json.dumps({**TOPOLOGY, **changes}).encode(), "t.topojson", layer)
    assert says in caught.value.message
    with pytest.raises(UnreadableFile, match="cut short"):
        Topology(json.dumps(TOPOLOGY).encode()[:-9], "t.topojson", None)

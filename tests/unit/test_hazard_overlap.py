"""Overlap shares equal those of the plain intersection, and small ones are flagged instead of lost."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from real_estate_assets.core.hazards import overlap
from real_estate_assets.core.hazards.overlap import parcel_zone_overlaps


def overlaps_of(parcels, zones):
    found = parcel_zone_overlaps(np.array(parcels, object), np.array(zones, object))
    return dict(
        zip(zip(found.parcels.tolist(), found.zones.tolist(), strict=True), found.shares.tolist(), strict=True)
    ), found


def test_shares_of_the_parcels_area():
    parcels = [box(0, 0, 2, 2), box(10, 10, 12, 12), box(0, 0, 1, 1)]
    zones = [box(1, 0, 5, 5), box(-1, -1, 3, 3)]
    shares, _ = overlaps_of(parcels, zones)
    assert shares == {(0, 0): 0.5, (0, 1): 1.0, (2, 1): 1.0}


def test_overlapping_zones_each_have_their_share():
    shares, _ = overlaps_of([box(0, 0, 2, 2)], [box(0, 0, 1, 2), box(0, 0, 2, 1), box(0, 0, 2, 2)])
    assert shares == {(0, 0): 0.5, (0, 1): 0.5, (0, 2): 1.0}


def test_a_common_border_is_no_overlap():
    shares, _ = overlaps_of([box(0, 0, 1, 1)], [box(1, 0, 2, 1), box(1, 1, 2, 2)])
    assert shares == {}


def test_a_sliver_is_flagged_and_kept():
    _, found = overlaps_of([box(0, 0, 1, 1)], [box(0.9995, 0, 2, 1), box(0.998, 0, 2, 1)])
    assert found.is_sliver.tolist() == [True, False]
    assert found.shares == pytest.approx([0.0005, 0.002])


def test_missing_and_empty_polygons_overlap_nothing():
    shares, _ = overlaps_of([None, Polygon(), box(0, 0, 1, 1)], [None, Polygon(), box(0, 0, 1, 1)])
    assert shares == {(2, 2): 1.0}
    assert overlaps_of([], [box(0, 0, 1, 1)])[0] == {}
    assert overlaps_of([box(0, 0, 1, 1)], [])[0] == {}


def test_of_a_collection_its_polygons_count():
    mixed = GeometryCollection([box(0, 0, 1, 1), LineString([(0, 0), (9, 9)]), Point(5, 5)])
    shares, _ = overlaps_of([mixed], [box(0.5, 0, 9, 9)])
    assert shares == {(0, 0): 0.5}


def test_an_invalid_polygon_is_refused_by_name():
    bow_tie = Polygon([(0, 0), (1, 1), (1, 0), (0, 1)])
    with pytest.raises(ValueError, match=r"parcel 1 is not valid \(Self-intersection"):
        overlaps_of([box(0, 0, 1, 1), bow_tie], [box(0, 0, 1, 1)])
    with pytest.raises(ValueError, match="zone 0 is not valid"):
        overlaps_of([box(0, 0, 1, 1)], [bow_tie])


def rough_shape(rng, vertices):
    angle = np.sort(rng.uniform(0, 2 * np.pi, vertices))
    ring = rng.uniform(0.3, 1, vertices)[:, None] * np.c_[np.cos(angle), np.sin(angle)] + rng.uniform(-1, 1, 2)
    shape = shapely.make_valid(Polygon(ring), method="structure", keep_collapsed=False)
    return shape.difference(Point(rng.uniform(-1, 1, 2)).buffer(0.2))


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from([8, 32, 512]))
def test_equals_the_plain_intersection_however_finely_cut(seed, most_vertices):
    rng = np.random.default_rng(seed)
    parcels = [rough_shape(rng, int(rng.integers(3, 60))) for _ in range(6)]
    parcels.append(MultiPolygon([box(-1, -1, -0.9, -0.9), box(0.5, 0.5, 0.8, 0.9)]))
    zones = [rough_shape(rng, int(rng.integers(3, 400))) for _ in range(4)]
    expected = {
        (p, z): parcel.intersection(zone).area / parcel.area
        for p, parcel in enumerate(parcels)
        for z, zone in enumerate(zones)
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "_MOST_VERTICES", most_vertices)
        shares, found = overlaps_of(parcels, zones)
    assert found.parcels.tolist() == sorted(found.parcels.tolist())
    assert all(0 < share <= 1 for share in shares.values())
    for pair, share in expected.items():
        assert shares.get(pair, 0.0) == pytest.approx(share, abs=1e-9)


def test_a_share_in_degrees_is_the_share_in_metres():
    """The module's claim about degrees, checked against an equal-area projection of a lot and of a large estate."""
    from pyproj import Transformer

    to_metres = Transformer.from_crs(4326, 5070, always_xy=True)  # CONUS Albers, equal area

    def metres(shape):
        return shapely.transform(shape, lambda xy: np.c_[to_metres.transform(xy[:, 0], xy[:, 1])])

    for degrees, tolerance in ((0.001, 1e-5), (0.03, 5e-4)):
        west, south = -71.1, 42.37
        parcel = box(west, south, west + degrees, south + degrees)
        zone = Polygon([(west, south), (west + degrees, south), (west, south + degrees)])
        flat = metres(zone.segmentize(degrees / 50)).area / metres(parcel.segmentize(degrees / 50)).area
        assert overlaps_of([parcel], [zone])[0][0, 0] == pytest.approx(flat, rel=tolerance)

"""`point_in_zones` gives exactly the pairs of the plain test of every point against every zone."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import MultiPolygon, Polygon, affinity, box

from real_estate_assets.core.hazards import point_join
from real_estate_assets.core.hazards.point_join import point_in_zones


def brute_force(x, y, zones):
    """Every pair tested on its own, with nothing of the product's code."""
    return {
        (int(point), number)
        for number, zone in enumerate(zones)
        if zone is not None
        for point in np.flatnonzero(shapely.contains_xy(zone, x, y))
    }


def assert_same(x, y, zones):
    points, found = point_in_zones(np.asarray(x, float), np.asarray(y, float), np.array(zones, object))
    pairs = list(zip(points.tolist(), found.tolist(), strict=True))
    assert len(pairs) == len(set(pairs)), "a pair is listed twice"
    assert set(pairs) == brute_force(np.asarray(x, float), np.asarray(y, float), zones)


def telling_points(zones):
    """Corners, middles of edges, and their nearest floating-point neighbours: where a grid would go wrong."""
    xy = shapely.get_coordinates(np.array([zone for zone in zones if zone is not None], object))
    if not len(xy):
        return np.empty((0, 2))
    middles = (xy[1:] + xy[:-1]) / 2
    near = np.concatenate([np.nextafter(xy, np.inf), np.nextafter(xy, -np.inf)])
    return np.concatenate([xy, middles, near])


# Whole numbers make shared borders, points on edges, horizontal and vertical edges and cells that edges run along.
small = st.integers(0, 12)
lattice_points = st.lists(st.tuples(small, small), min_size=0, max_size=60)


@st.composite
def polygons(draw):
    """A valid polygon or multipolygon, perhaps with holes, perhaps touching itself at points."""
    corners = draw(st.lists(st.tuples(small, small), min_size=3, max_size=9))
    repaired = shapely.make_valid(Polygon(corners), method="structure", keep_collapsed=False)
    hole = draw(st.none() | st.tuples(small, small, st.integers(1, 4)))
    if hole is not None:
        repaired = repaired.difference(box(hole[0], hole[1], hole[0] + hole[2], hole[1] + hole[2]))
    return repaired if repaired.geom_type in ("Polygon", "MultiPolygon") else Polygon()


@settings(max_examples=300, deadline=None)
@given(st.lists(polygons() | st.none(), max_size=6), lattice_points)
def test_equals_brute_force_on_a_lattice(zones, points):
    xy = np.array(points, float).reshape(-1, 2)
    xy = np.concatenate([xy, xy + 0.5, telling_points(zones)])
    assert_same(xy[:, 0], xy[:, 1], zones)


@settings(max_examples=80, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.sampled_from([1e-7, 1e-3, 1.0, 1e4]),
    st.sampled_from([0.0, -71.1, 5e5]),
    st.integers(1, 4000),
)
def test_equals_brute_force_on_rough_shapes_at_any_scale_and_place(seed, scale, offset, count):
    rng = np.random.default_rng(seed)
    zones = []
    for _ in range(rng.integers(1, 8)):
        angle = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 200)))
        radius = rng.uniform(0.05, 1, len(angle))
        star = Polygon(np.c_[radius * np.cos(angle), radius * np.sin(angle)] + rng.uniform(-1, 1, 2))
        star = shapely.make_valid(star, method="structure", keep_collapsed=False)
        zones.append(affinity.translate(affinity.scale(star, scale, scale, origin=(0, 0)), offset, offset / 2))
    telling = telling_points(zones)
    # The grid lies over the points. A small window beside an edge makes edges reach far beyond it, so that rounding
    # moves them by as much as it ever can against the cells.
    window = 10 ** rng.uniform(-7, 0.3)
    xy = telling[rng.integers(len(telling))] + rng.uniform(-window, window, (count, 2)) * scale
    assert_same(xy[:, 0], xy[:, 1], zones)
    xy = np.concatenate([xy, telling[:: rng.integers(1, 20)]])
    assert_same(xy[:, 0], xy[:, 1], zones)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 90_000))
def test_equals_brute_force_for_any_fineness_of_the_grid(seed, cells):
    rng = np.random.default_rng(seed)
    zones = [shapely.Point(rng.uniform(0, 1, 2)).buffer(rng.uniform(0.01, 1)) for _ in range(6)]
    x, y = rng.uniform(0.2, 0.7, (2, 2000))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(point_join, "_CELL_LIMITS", (cells, cells))
        assert_same(x, y, zones)


def test_a_point_on_an_edge_or_in_a_hole_is_in_no_zone():
    ring = Polygon([(0, 0), (4, 0), (4, 4), (0, 4)], [[(1, 1), (3, 1), (3, 3), (1, 3)]])
    x = np.array([0.0, 2.0, 4.0, 1.0, 2.0, 0.5])
    y = np.array([0.0, 0.0, 2.0, 2.0, 2.0, 0.5])
    points, zones = point_in_zones(x, y, np.array([ring], object))
    assert points.tolist() == [5]
    assert zones.tolist() == [0]


def test_every_one_of_overlapping_zones_is_listed():
    zones = [
        box(0, 0, 10, 10),
        box(0, 0, 10, 10),
        box(-5, -5, 20, 20),
        MultiPolygon([box(1, 1, 2, 2), box(5, 5, 9, 9)]),
    ]
    x, y = (a.ravel() for a in np.meshgrid(np.linspace(-6, 21, 60), np.linspace(-6, 21, 60)))
    assert_same(x, y, zones)


def test_points_without_a_place_are_in_no_zone():
    bad = [np.nan, np.inf, -np.inf, 0.5, 0.5]
    points, zones = point_in_zones(np.array(bad), np.array(bad[::-1]), np.array([box(0, 0, 1, 1)], object))
    assert points.tolist() == []
    assert zones.tolist() == []
    points, _ = point_in_zones(np.array([*bad, 0.5]), np.array([*bad[::-1], 0.5]), np.array([box(0, 0, 1, 1)], object))
    assert points.tolist() == [5]


def test_points_on_one_line_or_one_spot():
    zones = [box(0, 0, 1, 1), box(0.5, 0.5, 2, 2)]
    steps = np.linspace(-0.5, 2.5, 301)
    assert_same(np.full(301, 0.75), steps, zones)
    assert_same(steps, np.full(301, 0.75), zones)
    assert_same(np.full(50, 0.75), np.full(50, 0.75), zones)


def test_nothing_in_nothing_out():
    none = np.empty(0)
    for x, zones in ((none, [box(0, 0, 1, 1)]), (np.ones(3), []), (np.ones(3), [None, Polygon()])):
        points, found = point_in_zones(x, x, np.array(zones, object))
        assert len(points) == len(found) == 0


def test_a_geometry_that_is_no_polygon_is_refused_by_name():
    with pytest.raises(ValueError, match="zone 1 is a LineString"):
        point_in_zones(
            np.ones(1), np.ones(1), np.array([box(0, 0, 2, 2), shapely.LineString([(0, 0), (1, 1)])], object)
        )


def test_coordinates_of_different_length_are_refused():
    with pytest.raises(ValueError, match="one length"):
        point_in_zones(np.ones(2), np.ones(3), np.array([box(0, 0, 2, 2)], object))


def test_equals_geopandas_on_real_zones(test_data):
    import geopandas

    zones = geopandas.read_file(test_data / "cambridge/nfhl_flood_zones.geojson")[["geometry"]]
    rng = np.random.default_rng(1)
    west, south, east, north = zones.total_bounds
    x, y = rng.uniform(west, east, 20_000), rng.uniform(south, north, 20_000)
    joined = geopandas.GeoDataFrame(geometry=geopandas.points_from_xy(x, y, crs=4326)).sjoin(zones, predicate="within")
    points, found = point_in_zones(x, y, zones.geometry.to_numpy())
    assert len(points) > 1000
    assert set(zip(points.tolist(), found.tolist(), strict=True)) == set(
        zip(joined.index.tolist(), joined["index_right"].tolist(), strict=True)
    )

"""Point in polygon for millions of points: which zones is each point inside of?

Belongs here: the join and its promise. Does not belong here: what the answer means for a place (`assessment.py`).

How: a grid over the points knows for most of its cells which zones hold the whole cell, so most points need one table
look-up; points in cells that an edge enters get the exact test. The answer is that of `shapely.contains_xy` on every
pair, which is that of `geopandas.sjoin(predicate="within")`: a point on an edge is not inside.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from real_estate_assets.core.hazards.grid_frame import Frame, spans
from real_estate_assets.core.hazards.layers import Floats, Ints, Objects
from real_estate_assets.core.hazards.zone_cells import NO_ZONE, CellTable, cell_table

# Points are looked up in blocks whose temporaries stay in the processor's cache.
_BLOCK = 1 << 16
# Finer cells cost more to classify and leave fewer points to test; measured flat between 1 and 4 points a cell.
_POINTS_PER_CELL = 2.25
_CELL_LIMITS = (64, 1 << 22)
_POLYGON, _MULTIPOLYGON = 3, 6


def point_in_zones(x: Floats, y: Floats, zones: Objects) -> tuple[Ints, Ints]:
    """Pair every point with every zone that it is inside of.

    x, y: (n,) coordinates in the zones' own reference system (degrees for EPSG:4326, planar reading); a NaN or
    infinite point is in no zone. zones: (m,) shapely Polygon or MultiPolygon; None and empty hold no point; zones may
    overlap. Returns (point positions, zone positions), one entry a pair, each pair once, in no promised order. The
    zones are left prepared (a cache of GEOS that changes no value).

    Raises ValueError for x and y of different length and for a geometry that is not a polygon.
    """
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"x and y must be two flat arrays of one length, got shapes {x.shape} and {y.shape}")
    zones = np.asarray(zones, object)
    usable = _usable_zones(zones)
    frame = _frame(x, y, zones[usable])
    if frame is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    near = usable[_meets(zones[usable], frame)]
    points, found = _look_up(x, y, zones[near], frame)
    return points, near[found]


def _usable_zones(zones: Objects) -> Ints:
    import shapely

    kinds = shapely.get_type_id(zones)  # -1 for None
    usable = (kinds >= 0) & ~shapely.is_empty(zones)
    wrong = np.flatnonzero(usable & ~np.isin(kinds, (_POLYGON, _MULTIPOLYGON)))
    if len(wrong):
        raise ValueError(
            f"zone {wrong[0]} is a {zones[wrong[0]].geom_type}; zones must be Polygon or MultiPolygon: "
            "keep the polygon parts when repairing a layer"
        )
    return np.flatnonzero(usable)


def _frame(x: Floats, y: Floats, zones: Objects) -> Frame | None:
    """The grid over the ground that points and zones share; None when they share none."""
    import shapely

    if not len(zones) or not len(x):
        return None
    west, south, east, north = shapely.total_bounds(zones)
    lowest, highest = np.fmin.reduce, np.fmax.reduce  # they pass over NaN; the zones' bounds hold back infinity
    extent = (
        max(west, float(lowest(x))),
        max(south, float(lowest(y))),
        min(east, float(highest(x))),
        min(north, float(highest(y))),
    )
    if not (extent[0] <= extent[2] and extent[1] <= extent[3]):
        return None
    return Frame.over(extent, int(np.clip(len(x) / _POINTS_PER_CELL, *_CELL_LIMITS)))


def _meets(zones: Objects, frame: Frame) -> NDArray[np.bool_]:
    import shapely

    west, south, east, north = shapely.bounds(zones).T
    meets: NDArray[np.bool_] = (west <= frame.x1) & (east >= frame.x0) & (south <= frame.y1) & (north >= frame.y0)
    return meets


def _look_up(x: Floats, y: Floats, zones: Objects, frame: Frame) -> tuple[Ints, Ints]:
    table = cell_table(zones, frame)
    sure_points, sure_zones, open_points, open_zones = [], [], [], []
    for start in range(0, len(x), _BLOCK):
        codes = _codes(x[start : start + _BLOCK], y[start : start + _BLOCK], frame, table)
        whole = np.flatnonzero(codes >= 0)
        sure_points.append(whole + start)
        sure_zones.append(codes[whole].astype(np.int64))
        mixed = np.flatnonzero(codes < NO_ZONE)
        number = -2 - codes[mixed]
        which, entry = spans(table.starts[number], table.starts[number + 1] - table.starts[number])
        points, is_partial = mixed[which] + start, table.is_partial[entry]
        sure_points.append(points[~is_partial])
        sure_zones.append(table.zones[entry[~is_partial]])
        open_points.append(points[is_partial])
        open_zones.append(table.zones[entry[is_partial]])
    points, found = _exact(x, y, zones, np.concatenate(open_points), np.concatenate(open_zones))
    return np.concatenate((*sure_points, points)), np.concatenate((*sure_zones, found))


def _codes(x: Floats, y: Floats, frame: Frame, table: CellTable) -> NDArray[np.int32]:
    """Codes of the cells of points, NO_ZONE for points outside the frame."""
    inside = frame.contains(x, y)
    if not inside.all():
        # A point outside would compute a cell that is not its own: it borrows the corner's and is then set right.
        x, y = np.where(inside, x, frame.x0), np.where(inside, y, frame.y0)
    cell = frame.grid_y(y).astype(np.int32) * frame.columns + frame.grid_x(x).astype(np.int32)
    codes: NDArray[np.int32] = table.codes[cell]
    return codes if inside.all() else np.where(inside, codes, np.int32(NO_ZONE))


def _exact(x: Floats, y: Floats, zones: Objects, points: Ints, candidates: Ints) -> tuple[Ints, Ints]:
    """Test pairs one by one, zone after zone so that a zone's index stays in the processor's cache."""
    import shapely

    small = np.uint16 if len(zones) <= np.iinfo(np.uint16).max else np.uint32  # 16 bits sort by radix
    order = np.argsort(candidates.astype(small), kind="stable")
    points, candidates = points[order], candidates[order]
    shapely.prepare(zones[np.unique(candidates)])
    inside = shapely.contains_xy(zones[candidates], x[points], y[points])
    return points[inside], candidates[inside]

"""Polygons out of features: rings that can be rings, repaired where they cross themselves, dissolved, measured.

Belongs here: geometry by GEOS and PROJ, the engines everyone uses; the rules which shapes belong together are
`places`'. Does not belong here: reading files, or what a shape means.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from pyproj import Geod, Transformer
from shapely.geometry.base import BaseGeometry

EARTH = Geod(ellps="WGS84")
RING_POINTS = 4
DEGREES = "EPSG:4326"


def polygon_of(geometry: dict[str, Any] | None, crs: str = DEGREES) -> tuple[BaseGeometry | None, bool]:
    """The area a feature covers, in degrees, and whether a ring had to be repaired; None where it covers none.

    A part of fewer than four points is no ring: it covers nothing and is left out, which is no repair.
    """
    if geometry is None or geometry["type"] not in ("Polygon", "MultiPolygon"):
        return None, False
    drawn = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    rings = [[ring for ring in polygon if len(ring) >= RING_POINTS] for polygon in drawn]
    polygons = [shapely.Polygon(kept[0], kept[1:]) for kept in rings if kept]
    if not polygons:
        return None, False
    shape = in_degrees(polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons), crs)
    if shape.is_valid:
        return (None, True) if shape.is_empty else (shape, False)
    repaired = shapely.make_valid(shape, method="structure", keep_collapsed=False)
    return (None, True) if repaired.is_empty else (repaired, True)


def in_degrees(shape: BaseGeometry, crs: str) -> BaseGeometry:
    """A shape in longitude and latitude."""
    if crs.upper() == DEGREES:
        return shape
    turn = Transformer.from_crs(crs, DEGREES, always_xy=True).transform
    return shapely.transform(shape, lambda xy: np.column_stack(turn(xy[:, 0], xy[:, 1])))


def dissolved(shapes: list[BaseGeometry]) -> BaseGeometry:
    """One shape of all."""
    return shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)


def ground_area_m2(shape: BaseGeometry) -> float:
    """Square metres on the ellipsoid, of a shape in degrees."""
    return abs(float(EARTH.geometry_area_perimeter(shape)[0]))


def same_shape(one: BaseGeometry, other: BaseGeometry, tolerance: float = 1e-9) -> bool:
    """Whether two shapes cover the same ground but for a share of `tolerance`."""
    larger = max(one.area, other.area)
    return larger > 0 and one.symmetric_difference(other).area <= tolerance * larger

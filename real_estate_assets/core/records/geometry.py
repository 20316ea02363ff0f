"""Shapes made fit for use: two dimensions, EPSG:4326, valid polygons; what cannot be made so is named.

Belongs here: judging, repairing and reprojecting shapes. Does not belong here: how a file holds them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from real_estate_assets.core.records.batch import RejectionRule

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from pyproj import Transformer
    from shapely.geometry.base import BaseGeometry

WORLD = "EPSG:4326"
_POLYGON, _MULTIPOLYGON = 3, 6


@dataclass(frozen=True, slots=True)
class Shapes:
    """Shapes of successive features. `wkb`, `x`, `y` and the flags have one item per feature.

    x and y are an inner point in the source's own system, longitude and latitude the same point in EPSG:4326; not a
    number where there is no shape. `bounds` are the shapes' boxes in degrees (west, south, east, north). `rules` says
    why a feature is refused, and is None where it is not.
    """

    wkb: list[bytes | None]
    is_repaired: list[bool]
    rules: list[RejectionRule | None]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    longitude: NDArray[np.float64]
    latitude: NDArray[np.float64]
    bounds: NDArray[np.float64]


def fit_shapes(raw: list[BaseGeometry | None], is_broken: list[bool], crs: str) -> Shapes:
    """Makes the shapes fit. `raw` is None where a feature has none; `is_broken` where it could not be built."""
    import shapely

    shapes = np.array(raw, dtype=object)
    is_empty = shapely.is_missing(shapes) | shapely.is_empty(shapes)
    shapes = shapely.force_2d(shapes)
    is_invalid = ~is_empty & ~shapely.is_valid(shapes)
    shapes[is_invalid] = [polygonal(shape) for shape in shapely.make_valid(shapes[is_invalid])]
    is_polygon = np.isin(shapely.get_type_id(shapes), (_POLYGON, _MULTIPOLYGON)) & ~shapely.is_empty(shapes)
    rules: list[RejectionRule | None] = [
        None if good else ("unreadable_geometry" if broken or not empty else "empty_geometry")
        for good, broken, empty in zip(is_polygon, is_broken, is_empty, strict=True)
    ]
    shapes[~is_polygon] = None
    points = shapely.point_on_surface(shapes)
    x, y = shapely.get_x(points), shapely.get_y(points)
    if not is_world(crs):
        shapes = _reprojected(shapes, crs)
    longitude, latitude = to_world(x, y, crs)
    wkb = list(shapely.to_wkb(shapes))
    return Shapes(wkb, is_invalid.tolist(), rules, x, y, longitude, latitude, shapely.bounds(shapes))


def polygonal(shape: BaseGeometry | None) -> BaseGeometry | None:
    """The polygons of a repaired shape; lines and points that repair leaves over have no area and are dropped."""
    import shapely

    if shape is None:
        return None
    kind = shapely.get_type_id(shape)
    if kind in (_POLYGON, _MULTIPOLYGON):
        return shape
    parts = [part for piece in shapely.get_parts(shape) for part in shapely.get_parts(piece)]
    polygons = [part for part in parts if shapely.get_type_id(part) == _POLYGON and not shapely.is_empty(part)]
    if not polygons:
        return None
    whole: BaseGeometry = polygons[0] if len(polygons) == 1 else shapely.make_valid(shapely.MultiPolygon(polygons))
    return whole


@lru_cache(maxsize=64)
def is_world(crs: str) -> bool:
    """Whether a CRS means longitude and latitude in degrees of WGS 84."""
    from pyproj import CRS

    return CRS.from_user_input(crs).equals(CRS.from_epsg(4326), ignore_axis_order=True)


def to_world(
    x: NDArray[np.float64], y: NDArray[np.float64], crs: str
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude of points in `crs`, east or longitude first; infinite where the CRS has no such place."""
    if is_world(crs):
        return x, y
    longitude, latitude = _to_world_transformer(crs).transform(x, y)
    return np.asarray(longitude, dtype=np.float64), np.asarray(latitude, dtype=np.float64)


@lru_cache(maxsize=8)
def _to_world_transformer(crs: str) -> Transformer:
    from pyproj import Transformer

    return Transformer.from_crs(crs, WORLD, always_xy=True)


def _reprojected(shapes: NDArray[np.object_], crs: str) -> NDArray[np.object_]:
    import shapely

    def move(points: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack(to_world(points[:, 0], points[:, 1], crs))

    moved: NDArray[np.object_] = shapely.transform(shapes, move)
    return moved

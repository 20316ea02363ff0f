"""TopoJSON: arcs that neighbours share, put together to each feature's own shape, exactly as the format defines it.

Belongs here: decoding (delta-coded arcs, transform, negative indices) and the list of an object's features. GDAL reads
the format too, but guesses the type of every property from all of them, and a cell must keep its own text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from real_estate_assets.core.records.batch import UnreadableFile
from real_estate_assets.core.tenants.problems import nearest

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from shapely import MultiPolygon, Polygon
    from shapely.geometry.base import BaseGeometry

_RING_POINTS = 4


class Topology:
    """A decoded TopoJSON text. `features` are its geometry objects, in order; null ones stay in their place."""

    def __init__(self, text: bytes, name: str, layer: str | None) -> None:
        topology = _topology(text, name)
        self.crs_member: Any = topology.get("crs")
        self.features = _features(topology, name, layer)
        try:
            self._arcs = _decoded_arcs(topology)
        except (TypeError, ValueError, KeyError) as error:
            raise UnreadableFile("wrong_format", f"{name}: its arcs cannot be decoded ({error}).") from error

    def shape(self, feature: dict[str, Any]) -> BaseGeometry | None:
        """The feature's shape, or None where it has none. Raises ValueError where it cannot be built."""
        import shapely

        kind = feature.get("type")
        if kind is None:
            return None
        try:
            if kind == "Polygon":
                return self._polygon(feature.get("arcs") or [])
            if kind == "MultiPolygon":
                return self._polygons(feature.get("arcs") or [])
        except (IndexError, TypeError, shapely.errors.ShapelyError) as error:
            raise ValueError(str(error)) from error
        raise ValueError(f"a {kind} is no polygon")

    def _polygon(self, rings: Sequence[Sequence[int]]) -> Polygon:
        import shapely

        lines = [self._ring(arcs) for arcs in rings if arcs]
        # Quantization makes tiny rings collapse to fewer than four points: they enclose nothing and are left out.
        shell, holes = (lines[0], lines[1:]) if lines else (None, [])
        if shell is None or len(shell) < _RING_POINTS:
            return shapely.Polygon()
        return shapely.Polygon(shell, [hole for hole in holes if len(hole) >= _RING_POINTS])

    def _polygons(self, parts: Sequence[Sequence[Sequence[int]]]) -> MultiPolygon:
        import shapely

        polygons = [self._polygon(rings) for rings in parts]
        return shapely.MultiPolygon([polygon for polygon in polygons if not polygon.is_empty])

    def _ring(self, arcs: Sequence[int]) -> NDArray[np.float64]:
        """The arcs in a row; each starts where the last one ends, and that point counts once."""
        parts = []
        for i, arc in enumerate(arcs):
            points = self._arcs[arc] if arc >= 0 else self._arcs[~arc][::-1]
            parts.append(points if i == 0 else points[1:])
        return np.concatenate(parts)


def _topology(text: bytes, name: str) -> dict[str, Any]:
    try:
        topology = orjson.loads(text.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError as error:
        raise UnreadableFile(
            "wrong_format", f"{name}: is not valid JSON, or is cut short ({error}). Fetch the file again."
        ) from error
    if not isinstance(topology, dict) or topology.get("type") != "Topology":
        raise UnreadableFile("wrong_format", f"{name}: is no TopoJSON topology. Check the declared format.")
    return topology


def _features(topology: dict[str, Any], name: str, layer: str | None) -> list[dict[str, Any]]:
    objects = topology.get("objects")
    if not isinstance(objects, dict) or not objects:
        raise UnreadableFile("empty_file", f"{name}: the topology has no objects.")
    if layer is None and len(objects) > 1:
        raise UnreadableFile(
            "wrong_format", f"{name}: has {len(objects)} layers; name one as 'layer': {', '.join(sorted(objects))}."
        )
    chosen = layer if layer is not None else next(iter(objects))
    if chosen not in objects:
        raise UnreadableFile("missing_column", f"{name}: has no layer '{chosen}'; {nearest(chosen, objects)}")
    collection = objects[chosen]
    if collection.get("type") != "GeometryCollection":
        return [collection]
    return list(collection.get("geometries") or [])


def _decoded_arcs(topology: dict[str, Any]) -> list[NDArray[np.float64]]:
    arcs = [np.array([point[:2] for point in arc], dtype=np.float64) for arc in topology["arcs"]]
    transform = topology.get("transform")
    if transform is None:
        return arcs
    scale = np.array(transform["scale"][:2], dtype=np.float64)
    translate = np.array(transform["translate"][:2], dtype=np.float64)
    return [np.cumsum(arc, axis=0) * scale + translate for arc in arcs]

"""GeoJSON and TopoJSON, read with the standard library: features in file order, coordinates as the file gives them.

Belongs here: properties and geometries of features, arcs put together, quantized coordinates unfolded. Does not belong
here: repairing or dissolving shapes (`places`), or what a property means (`columns`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Ring = list[list[float]]


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: its properties and a GeoJSON-like geometry, or None where the file draws none."""

    properties: Json
    geometry: Json | None


def read_features(content: bytes, source_format: str, layer: str | None = None) -> list[Feature]:
    """All features of a geojson or of one layer of a topojson. Raises ValueError for anything else."""
    document = json.loads(content.decode("utf-8-sig"))
    if source_format == "geojson":
        return [Feature(f.get("properties") or {}, f.get("geometry")) for f in document["features"]]
    if source_format == "topojson":
        return _topology(document, layer)
    raise ValueError(f"no reader for {source_format}")


def _topology(document: Json, layer: str | None) -> list[Feature]:
    objects = document["objects"]
    if layer is None:
        (layer,) = objects
    arcs = _absolute_arcs(document)
    drawn = []
    for shape in objects[layer]["geometries"]:
        drawn.append(Feature(shape.get("properties") or {}, _geometry(shape, arcs)))
    return drawn


def _absolute_arcs(document: Json) -> list[Ring]:
    """Arcs in the layer's own coordinates: deltas summed up, grid steps scaled, where the file is quantized."""
    transform = document.get("transform")
    if transform is None:
        return [[list(point[:2]) for point in arc] for arc in document["arcs"]]
    (scale_x, scale_y), (move_x, move_y) = transform["scale"], transform["translate"]
    absolute = []
    for arc in document["arcs"]:
        x = y = 0
        points = []
        for step in arc:
            x, y = x + step[0], y + step[1]
            points.append([x * scale_x + move_x, y * scale_y + move_y])
        absolute.append(points)
    return absolute


def _geometry(shape: Json, arcs: list[Ring]) -> Json | None:
    kind = shape.get("type")
    if kind == "Polygon":
        rings = [_ring(ring, arcs) for ring in shape["arcs"]]
        return {"type": "Polygon", "coordinates": rings} if rings else None
    if kind == "MultiPolygon":
        polygons = [[_ring(ring, arcs) for ring in polygon] for polygon in shape["arcs"]]
        return {"type": "MultiPolygon", "coordinates": polygons} if polygons else None
    return None


def _ring(indices: list[int], arcs: list[Ring]) -> Ring:
    """Arcs end to end; ~i is arc i backwards; the first point of each further arc repeats the last one before."""
    points: Ring = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points.extend(arc if not points else arc[1:])
    return points

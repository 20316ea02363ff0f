"""Features of a vector file, some thousand at a time: properties as texts, shapes as they stand in the file.

Belongs here: what GeoJSON and TopoJSON have in common for a reader, and which CRS the file itself states. Does not
belong here: repair and reprojection (`geometry.py`), opening files (`stores`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from real_estate_assets.core.records.batch import UnreadableFile
from real_estate_assets.core.records.features import FeatureStream, property_text
from real_estate_assets.core.records.topology import Topology
from real_estate_assets.core.tenants.problems import nearest

if TYPE_CHECKING:
    import polars as pl
    from shapely.geometry.base import BaseGeometry

MAX_SHOWN = 200


@dataclass(slots=True)
class FeatureBatch:
    """Successive features: item i of each list is one feature.

    `properties` is None where the feature is no valid JSON object; `shapes` is None where there is no shape, and
    `is_broken` tells that there is one which cannot be built; `shown` is the beginning of the feature's own text.
    """

    properties: list[dict[str, Any] | None] = field(default_factory=list)
    shapes: list[BaseGeometry | None] = field(default_factory=list)
    is_broken: list[bool] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)
    stated_crs: str | None = None

    def names(self) -> set[str]:
        """Names of all properties met in this batch."""
        return {name for properties in self.properties if properties for name in properties}

    def texts(self, columns: Iterable[str]) -> pl.DataFrame:
        """The valid features' properties as text, one column for each of `columns`."""
        import polars as pl

        valid = [properties for properties in self.properties if properties is not None]
        return pl.DataFrame(
            {name: [property_text(properties.get(name)) for properties in valid] for name in columns},
            schema=dict.fromkeys(columns, pl.String),
        )


def geojson_batches(chunks: Iterable[bytes], name: str, size: int) -> Iterator[FeatureBatch]:
    """Batches of a GeoJSON FeatureCollection. Raises UnreadableFile where it is none or is cut short."""
    stream = FeatureStream(chunks, name)
    items = iter(stream)
    stated: str | None = None
    while texts := list(islice(items, size)):
        stated = stated or crs_name(stream.head_members().get("crs"))
        yield _geojson_batch(texts, stated)
    late = crs_name(stream.members.get("crs"))
    if late is not None and stated is None:
        yield FeatureBatch(stated_crs=late)


def _geojson_batch(texts: list[bytes], stated_crs: str | None) -> FeatureBatch:
    import shapely

    batch = FeatureBatch(stated_crs=stated_crs)
    has_shape: list[bool] = []
    for text in texts:
        feature = _feature(text)
        batch.properties.append(None if feature is None else feature.get("properties") or {})
        has_shape.append(feature is not None and feature.get("geometry") is not None)
        batch.shown.append(text[: MAX_SHOWN * 4].decode("utf-8", errors="replace")[:MAX_SHOWN])
    readable = [text if has else b"{}" for text, has in zip(texts, has_shape, strict=True)]
    batch.shapes = list(shapely.from_geojson(readable, on_invalid="ignore"))
    batch.is_broken = [shape is None and has for shape, has in zip(batch.shapes, has_shape, strict=True)]
    return batch


def _feature(text: bytes) -> dict[str, Any] | None:
    """A Feature object, or None where the text is none."""
    try:
        feature = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return None
    return feature if isinstance(feature.get("properties"), (dict, type(None))) else None


def topojson_batches(text: bytes, name: str, layer: str | None, size: int) -> Iterator[FeatureBatch]:
    """Batches of one layer of a TopoJSON topology."""
    topology = Topology(text, name, layer)
    stated = crs_name(topology.crs_member)
    for start in range(0, len(topology.features), size):
        batch = FeatureBatch(stated_crs=stated)
        for feature in topology.features[start : start + size]:
            _add_topology_feature(batch, topology, feature)
        yield batch


def _add_topology_feature(batch: FeatureBatch, topology: Topology, feature: Any) -> None:
    is_object = isinstance(feature, dict)
    properties = (feature.get("properties") or {}) if is_object else None
    batch.properties.append(properties if isinstance(properties, dict) else None)
    batch.shown.append(orjson.dumps(feature).decode()[:MAX_SHOWN])
    try:
        batch.shapes.append(topology.shape(feature) if is_object else None)
        batch.is_broken.append(False)
    except ValueError:
        batch.shapes.append(None)
        batch.is_broken.append(True)


def crs_name(member: Any) -> str | None:
    """The CRS a file's `crs` member names, or None. Raises nothing: what cannot be understood is not stated."""
    if not isinstance(member, dict):
        return None
    properties = member.get("properties")
    name = properties.get("name") if isinstance(properties, dict) else None
    return name if isinstance(name, str) else None


def agreed_crs(declared: str | None, stated: str | None, shapes: list[BaseGeometry | None], name: str) -> str:
    """The CRS to read by: the declared one, or the file's own.

    Raises UnreadableFile (missing_crs, conflicting_crs) with the evidence where there is none, or two that differ.
    """
    from pyproj import CRS
    from pyproj.exceptions import CRSError

    if declared is None and stated is None:
        raise UnreadableFile(
            "missing_crs",
            f"{name}: the file states no CRS and the tenant file declares none. {_evidence(shapes)} "
            "Declare it as 'crs' (degrees of WGS 84: EPSG:4326).",
        )
    try:
        own = CRS.from_user_input(stated) if stated is not None else None
    except CRSError:
        own = None
    if declared is None and own is None:
        raise UnreadableFile("missing_crs", f"{name}: the file's own CRS '{stated}' is not known. Declare it as 'crs'.")
    if declared is not None and own is not None:
        if not own.equals(CRS.from_user_input(declared), ignore_axis_order=True) and not _both_degrees(own, declared):
            raise UnreadableFile(
                "conflicting_crs",
                f"{name}: the file states the CRS '{stated}' but the tenant file declares '{declared}'. "
                "Correct the declaration, or ask the publisher which is true.",
            )
        return declared
    return declared if declared is not None else str(stated)


def _both_degrees(own: Any, declared: str) -> bool:
    """CRS84 and EPSG:4326 differ in the order of axes and in name only."""
    from pyproj import CRS

    codes = {own.to_authority(), CRS.from_user_input(declared).to_authority()}
    return codes <= {("OGC", "CRS84"), ("EPSG", "4326")}


def _evidence(shapes: list[BaseGeometry | None]) -> str:
    import numpy as np
    import shapely

    bounds = shapely.bounds(np.array([shape for shape in shapes if shape is not None], dtype=object))
    if not len(bounds) or np.isnan(bounds).all():
        return "No shape of it can be looked at."
    low_x, low_y = np.nanmin(bounds[:, :2], axis=0)
    high_x, high_y = np.nanmax(bounds[:, 2:], axis=0)
    is_range = max(abs(low_x), abs(high_x)) <= 180 and max(abs(low_y), abs(high_y)) <= 90
    said = "which may be degrees" if is_range else "which are no degrees"
    return f"Its first shapes lie at x {low_x:.6g} to {high_x:.6g}, y {low_y:.6g} to {high_y:.6g}, {said}."


def refuse_missing_properties(columns: Iterable[str], present: set[str], name: str) -> None:
    """Raises UnreadableFile where the column map names a property that no feature of the first batch has."""
    missing = [column for column in columns if column not in present]
    if missing:
        said = "; ".join(f"no feature has a property '{column}'; {nearest(column, present)}" for column in missing)
        raise UnreadableFile("missing_column", f"{name}: {said} Correct the name in the tenant file.")

"""Locations of one tenant: each parcel's dissolved polygon from its newest layer, else the coordinates a source states.

Belongs here: which file wins a parcel, dissolving its pieces, a point that lies inside. Does not belong here: reading
shapes (`stores/source_reader`) and hazards (`exposing.py`).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.identity import normal_parcel_number
from real_estate_assets.stores.warehouse import enrichment, evidence
from real_estate_assets.stores.warehouse.evidence import Method, SourceFile

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse

Place = tuple[str, str]  # county FIPS, parcel number in normal form


@dataclass(frozen=True)
class Location:
    """Where one parcel lies. polygon: shapely geometry or None; area_m2: on the ellipsoid, None without a polygon."""

    place: Place
    method: str
    polygon: Any | None
    longitude: float
    latitude: float
    area_m2: float | None
    piece_count: int
    is_repaired: bool
    evidence_no: int
    record_no: int


def locate(warehouse: Warehouse, tenant_id: str, *, code_version: str, run_id: str) -> list[Location]:
    """One location a parcel, ordered by place. Polygons win over coordinates, newer files over older ones."""
    files = [file for file in evidence.files(warehouse, tenant_id) if file.read_status == "read"]
    found: dict[Place, Location] = {}
    for file in sorted((f for f in files if f.record_type == "parcel"), key=_newest_first):
        dissolved = _dissolved(warehouse, tenant_id, file.file_no)
        number = _evidence(warehouse, file, "dissolve_by_parcel", code_version, run_id) if dissolved else 0
        for location in dissolved:
            found.setdefault(location.place, _supported(location, number))
    for file in sorted((f for f in files if f.record_type == "property"), key=_newest_first):
        for location in _stated(warehouse, tenant_id, file.file_no):
            found.setdefault(location.place, location)
    return [found[place] for place in sorted(found)]


def rows(found: Sequence[Location]) -> Iterator[tuple[Any, ...]]:
    """In the order of enrichment.LOCATION_COLUMNS, geometries as hex EWKB."""
    import numpy as np
    import shapely

    coordinates = np.array([(x.longitude, x.latitude) for x in found], np.float64).reshape(-1, 2)
    for location, point in zip(found, _hex_ewkb(shapely.points(coordinates)), strict=True):
        polygon = None if location.polygon is None else _hex_ewkb(location.polygon)
        yield (
            *location.place, location.method, polygon, point, location.area_m2,
            location.piece_count, location.is_repaired, location.evidence_no, location.record_no,
        )  # fmt: skip


def _hex_ewkb(shapes: Any) -> Any:
    """Hex EWKB of one shape, or an array of them for an array of shapes."""
    import shapely

    return shapely.to_wkb(shapely.set_srid(shapes, 4326), hex=True, include_srid=True)


def _newest_first(file: SourceFile) -> tuple[int, int]:
    return (-(file.vintage or dt.date.min).toordinal(), -file.file_no)


def _evidence(warehouse: Warehouse, file: SourceFile, method: str, code_version: str, run_id: str) -> int:
    how = Method(
        method,
        code_version,
        "Union of all pieces of one parcel number in one layer.",
        "identity of shape: no piece is moved",
    )
    inputs = [file.evidence_no] if file.evidence_no is not None else []
    return evidence.add_evidence(
        warehouse,
        file.tenant_id,
        how,
        run_id=run_id,
        field_group="parcel_geometry",
        file_no=file.file_no,
        inputs=inputs,
    )


def _supported(location: Location, evidence_no: int) -> Location:
    from dataclasses import replace

    return replace(location, evidence_no=evidence_no)


def _dissolved(warehouse: Warehouse, tenant_id: str, file_no: int) -> list[Location]:
    import pyproj
    import shapely

    pieces: dict[Place, list[tuple[int, bool, Any]]] = defaultdict(list)
    for county, parcel, record_no, is_repaired, _, wkb in enrichment.parcel_pieces(warehouse, tenant_id, file_no):
        normal = normal_parcel_number(parcel)
        if county and normal and wkb is not None:
            pieces[county, normal].append((record_no, is_repaired, wkb))
    geod = pyproj.Geod(ellps="WGS84")
    result = []
    for place, some in pieces.items():
        shapes = shapely.from_wkb([wkb for _, _, wkb in some])
        polygon = shapes[0] if len(shapes) == 1 else shapely.union_all(shapes)
        point = shapely.point_on_surface(polygon)
        area = abs(geod.geometry_area_perimeter(polygon)[0])
        result.append(
            Location(
                place,
                "parcel_polygon",
                polygon,
                point.x,
                point.y,
                area,
                len(some),
                any(r for _, r, _ in some),
                0,
                some[0][0],
            )
        )
    return result


def _stated(warehouse: Warehouse, tenant_id: str, file_no: int) -> Iterator[Location]:
    for county, parcel, record_no, evidence_no, longitude, latitude in enrichment.source_coordinates(
        warehouse, tenant_id, file_no
    ):
        normal = normal_parcel_number(parcel)
        if county and normal:
            yield Location(
                (county, normal),
                "source_coordinates",
                None,
                longitude,
                latitude,
                None,
                0,
                False,
                evidence_no,
                record_no,
            )

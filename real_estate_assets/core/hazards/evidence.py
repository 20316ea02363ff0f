"""Which items of a layer speak about which places.

Belongs here: asking one layer about places, by polygon, by point or by county. Does not belong here: ranking what
comes back (`assessment.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from real_estate_assets.core.hazards.layers import CountyScores, Floats, Ints, Locations, Objects, ZoneLayer
from real_estate_assets.core.hazards.overlap import parcel_zone_overlaps
from real_estate_assets.core.hazards.point_join import point_in_zones


@dataclass(frozen=True, slots=True)
class Evidence:
    """k statements of layers about places. items number a layer's own zones or counties until `shifted`."""

    locations: Ints
    items: Ints
    methods: Objects
    shares: Floats

    def __len__(self) -> int:
        return len(self.locations)

    @classmethod
    def of(cls, locations: Ints, items: Ints, method: str, shares: Floats | None = None) -> Evidence:
        """Statements of one method; shares are NaN where none are given."""
        size = len(locations)
        return cls(
            locations.astype(np.int64),
            items.astype(np.int64),
            np.full(size, method, object),
            np.full(size, np.nan) if shares is None else shares,
        )

    @classmethod
    def joined(cls, parts: Iterable[Evidence]) -> Evidence:
        """All statements of several pieces of evidence, in order."""
        every = [cls.of(np.empty(0, np.int64), np.empty(0, np.int64), ""), *parts]
        return cls(
            np.concatenate([part.locations for part in every]),
            np.concatenate([part.items for part in every]),
            np.concatenate([part.methods for part in every]),
            np.concatenate([part.shares for part in every]),
        )

    def shifted(self, first_item: int) -> Evidence:
        """The same statements with items numbered from `first_item`."""
        return Evidence(self.locations, self.items + first_item, self.methods, self.shares)


def with_points(locations: Locations) -> Locations:
    """Give every place with a polygon a representative point inside it, where it has none."""
    import shapely

    missing = np.flatnonzero(
        (np.isnan(locations.longitudes) | np.isnan(locations.latitudes)) & has_polygon(locations.geometries)
    )
    if not len(missing):
        return locations
    points = shapely.point_on_surface(locations.geometries[missing])
    longitudes, latitudes = locations.longitudes.copy(), locations.latitudes.copy()
    longitudes[missing], latitudes[missing] = shapely.get_x(points), shapely.get_y(points)
    return Locations(locations.keys, locations.geometries, longitudes, latitudes, locations.county_fips)


def has_polygon(geometries: Objects) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which geometries have an area; None, empty and degenerate ones have not."""
    import shapely

    present: np.ndarray[tuple[int], np.dtype[np.bool_]] = shapely.area(geometries) > 0  # NaN for None
    return present


def ask_zones(locations: Locations, asked: Ints, layer: ZoneLayer) -> Evidence:
    """Zones of a layer that hold or overlap the asked places (positions in `locations`, whose points are known)."""
    as_polygon = (
        has_polygon(locations.geometries[asked]) if layer.resolution == "parcel" else np.zeros(len(asked), bool)
    )
    by_polygon, by_point = asked[as_polygon], asked[~as_polygon]
    overlaps = parcel_zone_overlaps(locations.geometries[by_polygon], layer.geometries)
    points, zones = point_in_zones(locations.longitudes[by_point], locations.latitudes[by_point], layer.geometries)
    return Evidence.joined(
        (
            Evidence.of(by_polygon[overlaps.parcels], overlaps.zones, "polygon_overlap", overlaps.shares),
            Evidence.of(by_point[points], zones, "point_in_zone"),
        )
    )


def ask_coverage(locations: Locations, asked: Ints, layer: ZoneLayer) -> Ints:
    """Which of the asked places have their representative point inside the layer's coverage."""
    if layer.coverage is None:
        return np.empty(0, np.int64)
    coverage = np.array([layer.coverage], object)
    points, _ = point_in_zones(locations.longitudes[asked], locations.latitudes[asked], coverage)
    return asked[points]


def ask_counties(locations: Locations, asked: Ints, scores: CountyScores) -> Evidence:
    """Scores of the counties that the asked places lie in, for the counties that the layer lists."""
    item_of = {fips: item for item, fips in enumerate(scores.county_fips)}
    items = np.array([item_of.get(fips, -1) for fips in locations.county_fips[asked]], np.int64)
    listed = items >= 0
    return Evidence.of(asked[listed], items[listed], "county_lookup")

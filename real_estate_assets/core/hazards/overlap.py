"""Polygon against polygon: which zones does a parcel overlap, and with what share of its area?

Belongs here: the overlay and the share. Does not belong here: points (`point_join.py`), which zone counts
(`assessment.py`).

Shares are ratios of areas in square degrees. Over one parcel the map from degrees to metres is all but affine (it
scales x by the cosine of the latitude), and an affine map leaves the ratio of two areas in it unchanged. What is left
is the change of the cosine within the parcel: its relative part is at most tan(latitude) times the parcel's height in
radians, 0.000015 for a lot 100 m high and 0.0005 for one of 3 km at 45 degrees: far under the error of any source.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from real_estate_assets.core.hazards.layers import Bools, Floats, Ints, Objects

# Under a thousandth of the parcel the two sources' drawing errors decide, not the flood: flagged, never dropped.
SLIVER_SHARE = 0.001
# Cutting a polygon of n vertices costs time in n for every parcel on it, so large ones are cut into pieces first.
_MOST_VERTICES = 512
_POLYGON = 3


@dataclass(frozen=True, slots=True)
class Overlaps:
    """k overlaps, ordered by parcel then zone. shares: (k,) of the parcel's area, over 0 and at most 1."""

    parcels: Ints
    zones: Ints
    shares: Floats
    is_sliver: Bools


def parcel_zone_overlaps(parcels: Objects, zones: Objects) -> Overlaps:
    """Find every overlap of positive area between parcels and zones.

    parcels: (n,), zones: (m,) valid shapely polygons or multipolygons in one reference system, degrees or metres; of a
    geometry collection its polygons count; None and empty overlap nothing. Parcel and zone that only share a border do
    not overlap. Raises ValueError naming the first invalid polygon: its areas would be meaningless.
    """
    import shapely

    parcels, zones = np.asarray(parcels, object), np.asarray(zones, object)
    _, near = shapely.STRtree(parcels).query(zones)
    near = np.unique(near)
    _require_valid("parcel", parcels, near)
    _require_valid("zone", zones, np.arange(len(zones)))
    parcel_pieces, parcel_of_piece = _pieces(parcels[near], near)
    zone_pieces, zone_of_piece = _pieces(zones, np.arange(len(zones)))
    areas, left, right = _common_areas(parcel_pieces, zone_pieces)
    pair, which = np.unique(parcel_of_piece[left] * len(zones) + zone_of_piece[right], return_inverse=True)
    common = np.bincount(which, areas, minlength=len(pair))
    pair, common = pair[common > 0], common[common > 0]
    parcel, zone = np.divmod(pair, len(zones)) if len(pair) else (pair, pair)
    # Rounding of the overlay may carry a parcel that lies wholly in a zone a hair over its own area.
    shares = np.minimum(common / shapely.area(parcels[parcel]), 1.0)
    return Overlaps(parcel, zone, shares, shares < SLIVER_SHARE)


def _require_valid(what: str, polygons: Objects, positions: Ints) -> None:
    import shapely

    wrong = positions[~shapely.is_valid(polygons[positions]) & ~shapely.is_missing(polygons[positions])]
    if len(wrong):
        reason = shapely.is_valid_reason(polygons[wrong[0]])
        raise ValueError(f"{what} {wrong[0]} is not valid ({reason}); repair its rings when the file is read")


def _pieces(polygons: Objects, owners: Ints) -> tuple[Objects, Ints]:
    """Cut polygons in half until no piece has over `_MOST_VERTICES` vertices; return (pieces, owner of each)."""
    import shapely

    done, done_owners = [], []
    while len(polygons):
        polygons, part_of = shapely.get_parts(polygons, return_index=True)
        owners = owners[part_of]
        kept = (shapely.get_type_id(polygons) == _POLYGON) & ~shapely.is_empty(polygons)
        polygons, owners = polygons[kept], owners[kept]
        large = shapely.get_num_coordinates(polygons) > _MOST_VERTICES
        done.append(polygons[~large])
        done_owners.append(owners[~large])
        polygons, owners = _halves(polygons[large]), np.tile(owners[large], 2)
    return (
        np.concatenate([*done, np.empty(0, object)]),
        np.concatenate([*done_owners, np.empty(0, np.int64)]).astype(np.int64),
    )


def _halves(polygons: Objects) -> Objects:
    """Each polygon cut across its longer side: all first halves, then all second halves."""
    import shapely

    west, south, east, north = shapely.bounds(polygons).T
    is_wide = east - west >= north - south
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    first = shapely.box(west, south, np.where(is_wide, middle_x, east), np.where(is_wide, north, middle_y))
    second = shapely.box(np.where(is_wide, middle_x, west), np.where(is_wide, south, middle_y), east, north)
    halves: Objects = shapely.intersection(np.tile(polygons, 2), np.concatenate((first, second)))
    return halves


def _common_areas(parcels: Objects, zones: Objects) -> tuple[Floats, Ints, Ints]:
    """Areas of the intersections of pieces that meet: (areas, parcel pieces, zone pieces)."""
    import shapely

    zone, parcel = shapely.STRtree(parcels).query(zones, predicate="intersects")
    areas = shapely.area(parcels[parcel])
    shapely.prepare(zones)
    cut = np.flatnonzero(~shapely.contains_properly(zones[zone], parcels[parcel]))
    areas[cut] = shapely.area(shapely.intersection(parcels[parcel[cut]], zones[zone[cut]]))
    return areas, parcel, zone

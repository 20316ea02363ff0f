"""What a person sees of an enrichment: counts by method, a small map of flood exposure. Belongs here: metadata only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import bar_table, grid_map

if TYPE_CHECKING:
    from real_estate_assets.core.hazards.layers import Exposures, Locations
    from real_estate_assets.defs.enrichment.locating import Location

FLOOD_MAP_STEPS = (0.25, 0.5, 0.75)  # of the parcel's area inside the worst zone


def location_metadata(found: Sequence[Location]) -> dict[str, Any]:
    """How the places were located, and how many shapes needed repair."""
    methods = Counter(location.method for location in found)
    return {
        "methods": dg.MetadataValue.md(bar_table(sorted(methods.items()), ("method", "places"))),
        "polygons_repaired": sum(location.is_repaired for location in found),
        "places_of_several_pieces": sum(location.piece_count > 1 for location in found),
    }


def exposure_metadata(locations: Locations, exposures: Exposures) -> dict[str, Any]:
    """Rows by peril, method and category; how many are unknown and why; a map of flood overlap."""
    rows = list(exposures.records())
    by_category = Counter(f"{r['peril']}: {r['category'] or 'unknown, ' + str(r['null_reason'])}" for r in rows)
    metadata: dict[str, Any] = {
        "categories": dg.MetadataValue.md(bar_table(by_category.most_common(12), ("peril and category", "places"))),
        "unknown": sum(r["null_reason"] is not None for r in rows),
        "slivers": sum(bool(r["is_sliver"]) for r in rows),
    }
    overlaps = {
        r["location_no"]: r["overlap_share"] for r in rows if r["peril"] == "flood" and r["overlap_share"] is not None
    }
    if overlaps:
        shares = [overlaps.get(i, 0.0) for i in range(len(locations))]
        picture = grid_map(
            locations.longitudes,
            locations.latitudes,
            shares,
            "share of the place in its worst flood zone",
            steps=FLOOD_MAP_STEPS,
        )
        metadata["flood_map"] = dg.MetadataValue.md(picture)
    return metadata

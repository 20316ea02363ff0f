"""Flood: the join against the list of flooded parcels that the city itself published.

Belongs here: the city's key, and what the platform says of the same parcels: with the key's own polygons, by the layers
in the warehouse; with the parcels of another vintage, as published for `charles-river`. Does not belong here: the join.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate
from benchmarks.report import ROOT

if TYPE_CHECKING:
    from real_estate_assets.core.hazards.layers import Exposures

PREFIX = "spine.flood"
TENANT, PARCELS = "charles-river", "parcels_fy2014.topojson.gz"
# layer of the key -> how its categories begin, polygons, parcels still there in FY2014, found at least, others at most
KEYS = {"100yr": ("AE", 157, 124, 122, 47), "500yr": ("", 655, 599, 596, 71)}

_TOUCHED = """
select parcel.parcel_number, coalesce(bool_or(exposure.category like %(begins)s), false)
from (
  select distinct county_fips, upper(regexp_replace(trim(parcel_number), '\\s+', ' ', 'g')) as parcel_number
  from raw.parcel join prov.source_file as file using (tenant_id, file_no)
  where tenant_id = {tenant} and file.tenant_id = {tenant} and file.uri like %(file)s and parcel_number is not null
) as parcel
left join enrichment.hazard_exposure as exposure
  on exposure.tenant_id = {tenant} and exposure.peril = 'flood' and exposure.method = 'polygon_overlap'
  and exposure.county_fips = parcel.county_fips and exposure.parcel_number = parcel.parcel_number
group by parcel.parcel_number
"""


def lines(demo: Demo) -> Iterator[Gate]:
    """Both layers of the key, each by its own polygons and by the tenant's parcels."""
    for layer, (begins, polygons, present, found, others) in KEYS.items():
        key = _key(layer)
        yield gate(
            f"{PREFIX}.key_polygons.{layer}", _polygons_touched(demo, key, begins), exactly(polygons),
            note=f"of {len(key)} polygons of the key",
        )  # fmt: skip
        hits = _published_hits(demo, begins)
        in_key = {str(ml) for ml, _ in key}
        still_there = in_key & hits.keys()
        yield gate(f"{PREFIX}.fy2014_parcels.{layer}.still_there", len(still_there), exactly(present))
        marked = {parcel for parcel, is_touched in hits.items() if is_touched}
        yield gate(
            f"{PREFIX}.fy2014_parcels.{layer}.found", len(marked & still_there), at_least(found),
            note=f"of {len(still_there)} parcels of the key that still exist",
        )  # fmt: skip
        yield gate(
            f"{PREFIX}.fy2014_parcels.{layer}.outside_key", len(marked - in_key), at_most(others),
            note=f"of {len(hits) - len(still_there):,} parcels that are not in the key",
        )  # fmt: skip


def _key(layer: str) -> list[tuple[str, Any]]:
    """(ML, geometry) of the city's parcels in a flood layer."""
    import shapely

    path = ROOT / "demo" / "data" / f"answer_key_parcels_{layer}.geojson.gz"
    with gzip.open(path) as packed:
        features = json.load(packed)["features"]
    shapes = shapely.make_valid(shapely.from_geojson([json.dumps(one["geometry"]) for one in features]))
    return [(one["properties"]["ML"], shape) for one, shape in zip(features, shapes, strict=True)]


def _polygons_touched(demo: Demo, key: list[tuple[str, Any]], begins: str) -> int:
    """How many of the key's polygons touch its layer, by the flood zones that stand in the warehouse."""
    exposures = _assess(demo, [shape for _, shape in key])
    touched = exposures.touched
    return len(
        {n for n, category in zip(touched.location_no, touched.category, strict=True) if category.startswith(begins)}
    )


def _assess(demo: Demo, shapes: list[Any]) -> Exposures:
    import numpy as np

    from real_estate_assets.core.hazards.assessment import assess
    from real_estate_assets.core.hazards.layers import Locations, ZoneLayer
    from real_estate_assets.defs.enrichment.exposing import layers_for

    zones = [x for x in layers_for(demo.warehouse, TENANT).layers if isinstance(x, ZoneLayer) and x.peril == "flood"]
    nowhere = np.full(len(shapes), np.nan)
    numbers, geometries = np.empty(len(shapes), object), np.empty(len(shapes), object)
    numbers[:], geometries[:] = range(len(shapes)), shapes
    return assess(
        Locations(numbers, geometries, nowhere, nowhere, np.full(len(shapes), None, object)), zones, ["flood"]
    )


def _published_hits(demo: Demo, begins: str) -> dict[str, bool]:
    """Every FY2014 parcel number -> whether the tenant's exposures say that a zone of the layer touches it."""
    return dict(demo.ask(TENANT, _TOUCHED, {"begins": f"{begins}%", "file": f"%{PARCELS}"}))

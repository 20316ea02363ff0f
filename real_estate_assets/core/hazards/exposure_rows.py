"""The rows of an assessment: filled from ranked evidence, or empty with a reason.

Belongs here: turning statements into the columns of `Exposures` and `TouchedZones`. Does not belong here: which
statement wins (`assessment.py` hands them over ranked).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace

import numpy as np

from real_estate_assets.core.hazards.catalogue import Catalogue
from real_estate_assets.core.hazards.evidence import Evidence
from real_estate_assets.core.hazards.layers import Exposures, Locations, Objects, Peril, TouchedZones
from real_estate_assets.core.hazards.overlap import SLIVER_SHARE

# Columns that an exposure takes from its item as they are.
_ITEM_COLUMNS = (
    "layer",
    "resolution",
    "category",
    "zone_code",
    "zone_subtype",
    "source_score_pct",
    "annual_probability",
    "layer_record_no",
    "null_reason",
)


def unknown_rows(places: Locations, peril: Peril, reasons: Objects) -> Exposures:
    """One row a place of which nothing is known. reasons: (n,) why."""
    size = len(places)
    return Exposures(
        location_no=np.arange(size),
        location_key=places.keys,
        peril=np.full(size, peril, object),
        layer=np.full(size, None, object),
        resolution=np.full(size, None, object),
        method=np.full(size, "no_evidence", object),
        category=np.full(size, None, object),
        zone_code=np.full(size, None, object),
        zone_subtype=np.full(size, None, object),
        zones_touched=np.zeros(size, np.int64),
        overlap_share=np.full(size, np.nan),
        is_sliver=np.zeros(size, bool),
        source_score_pct=np.full(size, np.nan),
        annual_probability=np.full(size, np.nan),
        layer_record_no=np.full(size, -1, np.int64),
        null_reason=reasons,
        touched=_no_zones(),
    )


def _no_zones() -> TouchedZones:
    none, numbers, shares = np.empty(0, object), np.empty(0, np.int64), np.empty(0)
    return TouchedZones(numbers, none, none, numbers, none, shares, np.empty(0, bool))


def exposure_rows(unknown: Exposures, peril: Peril, items: Catalogue, ranked: Evidence) -> Exposures:
    """Rows of one peril, given what to say where there is no evidence and the evidence ordered by place, best first."""
    best = np.flatnonzero(np.diff(ranked.locations, prepend=-1))
    place, item, share = ranked.locations[best], ranked.items[best], ranked.shares[best]
    answers = {name: getattr(items, name)[item] for name in _ITEM_COLUMNS}
    answers |= {"method": ranked.methods[best], "overlap_share": share, "is_sliver": share < SLIVER_SHARE}
    filled = {}
    for name, values in answers.items():
        filled[name] = getattr(unknown, name).copy()
        filled[name][place] = values
    touched = _touched(peril, items, ranked)
    counts = np.bincount(touched.location_no, minlength=len(unknown))
    return replace(unknown, **filled, zones_touched=counts.astype(np.int64), touched=touched)


def _touched(peril: Peril, items: Catalogue, ranked: Evidence) -> TouchedZones:
    is_zone = items.layer_record_no[ranked.items] >= 0  # a background is ground without a zone
    item, share = ranked.items[is_zone], ranked.shares[is_zone]
    return TouchedZones(
        location_no=ranked.locations[is_zone],
        peril=np.full(len(item), peril, object),
        layer=items.layer[item],
        layer_record_no=items.layer_record_no[item],
        category=items.category[item],
        overlap_share=share,
        is_sliver=share < SLIVER_SHARE,
    )


def joined(parts: Sequence[Exposures]) -> Exposures:
    """Rows of several perils under one another. Needs at least one part."""
    columns = {name: np.concatenate([getattr(part, name) for part in parts]) for name in _names(Exposures)}
    touched = {name: np.concatenate([getattr(part.touched, name) for part in parts]) for name in _names(TouchedZones)}
    return Exposures(**columns, touched=TouchedZones(**touched))


def _names(table: type[Exposures] | type[TouchedZones]) -> list[str]:
    return [field.name for field in fields(table) if field.name != "touched"]

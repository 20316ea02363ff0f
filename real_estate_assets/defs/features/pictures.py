"""What a person sees of a tenant's features: how many rows of which days, what is filled, what is null and why.

Belongs here: metadata only, small enough for an event.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.features.registry import NO_SOURCE, Entity, features, numbered
from real_estate_assets.core.pictures import bar_table, markdown_table
from real_estate_assets.core.valuation_pictures.filled import feature_coverage

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse.features_looks import Filled

MOST_ROWS = 80  # of a table in an event


def coverage_metadata(entity: Entity, found: Sequence[Filled]) -> dict[str, Any]:
    """Filled features as a picture and a table; of the list of 41 or 13, how many have a value; the single-valued."""
    named = {one.name for one in numbered(entity)}
    known = sum(one.known > 0 for one in found if one.name in named)
    never = [f"{f.name}: {NO_SOURCE[f.null_reason]}" for f in features() if f.entity == entity and f.null_reason]
    return {
        "features_with_a_value": dg.MetadataValue.text(f"{known} of the {len(named)} of the list"),
        "coverage": dg.MetadataValue.md(
            feature_coverage([(one.name, one.share) for one in found], f"{entity} features")
        ),
        "coverage_table": dg.MetadataValue.md(_table(entity, found)),
        "single_valued": dg.MetadataValue.text(", ".join(one.name for one in found if one.one_value) or "none"),
        "no_source": dg.MetadataValue.text("; ".join(never) or "none"),
    }


def event_metadata(days: Sequence[tuple[str, int]]) -> dict[str, Any]:
    """Rows by the year of their event."""
    return {"rows_by_year": dg.MetadataValue.md(bar_table(days, ("year of the event", "rows")))}


def _table(entity: Entity, found: Sequence[Filled]) -> str:
    of = {feature.name: feature for feature in features() if feature.entity == entity}
    rows = [
        (one.name, of[one.name].unit or "", f"{one.known:,}", f"{one.share:.0%}", of[one.name].null_reason or "")
        for one in found[:MOST_ROWS]
    ]
    return markdown_table(rows, ("feature", "unit", "known", "share", "why never"))

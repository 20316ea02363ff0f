"""What a person sees of a published mart: the files it was made of, how complete it is, how its scores lie.

Belongs here: metadata only, small enough for an event (pictures under 1,000 characters are drawn inline).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from real_estate_assets.core.pictures import bar_table, histogram
from real_estate_assets.stores.warehouse import evidence, marts

if TYPE_CHECKING:
    from real_estate_assets.stores.warehouse import Warehouse

# How often a column is known: lower bounds of the classes, in words.
CLASSES = ((0.95, "95 % and more"), (0.5, "50 to 95 %"), (0.05, "5 to 50 %"), (0.0, "under 5 %"))


def input_metadata(warehouse: Warehouse, tenant_id: str) -> dict[str, Any]:
    """The tenant's files behind every mart: name, vintage, sha256, records, and whether its gate passed."""
    files = evidence.files(warehouse, tenant_id)
    rows = "\n".join(
        f"| {f.file_no} | {f.uri} | {f.vintage or 'unknown'} | {f.record_count or 0:,} | `{f.sha256[:12]}` |"
        for f in files
    )
    return {
        "input_files": dg.MetadataValue.md(f"| no | file | vintage | records | sha256 |\n|--|--|--|--:|--|\n{rows}"),
        "input_sha256": dg.MetadataValue.json({f.uri: f.sha256 for f in files}),
    }


def mart_metadata(warehouse: Warehouse, tenant_id: str, key: dg.AssetKey) -> dict[str, Any]:
    """A picture of the mart itself, where there is one worth seeing."""
    if key == dg.AssetKey(["marts", "dim_properties"]):
        return _completeness(marts.completeness(warehouse, tenant_id, "dim_properties"))
    if key == dg.AssetKey(["marts", "fct_property_hazards"]):
        scores = [float("nan") if score is None else score for score in marts.composite_scores(warehouse, tenant_id)]
        return {
            "composite_scores": dg.MetadataValue.md(histogram(scores, "composite hazard score", bands=None)),
            "composite_unknown": sum(score != score for score in scores),
        }
    return {}


def _completeness(shares: Sequence[tuple[str, float]]) -> dict[str, Any]:
    """How many columns are known how often, and which are never known for this tenant: no source of its states them."""
    never = [name for name, share in shares if share == 0]
    counts = dict.fromkeys((words for _, words in CLASSES), 0)
    for _, share in shares:
        if share > 0:
            counts[next(words for bound, words in CLASSES if share >= bound)] += 1
    rows = [*counts.items(), ("never", len(never))]
    return {
        "columns_known": dg.MetadataValue.md(bar_table(rows, ("known in", "columns"))),
        "never_known": dg.MetadataValue.text(", ".join(never) or "none"),
    }

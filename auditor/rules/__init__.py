"""One module a mart: what each of its cells should be, and which record should stand behind it.

Belongs here: the list of marts with rules. Does not belong here: drawing cells, comparing, writing verdicts.
"""

from __future__ import annotations

from auditor.rules import (
    assessments,
    changes,
    files,
    hazards,
    market,
    owners,
    ownership,
    parcels,
    prices,
    properties,
    sales,
)
from auditor.rules.base import RowRules

RULES: dict[str, type[RowRules]] = {
    "agg_market_sales": market.MarketRow,
    "dim_owners": owners.OwnerRow,
    "dim_parcels": parcels.ParcelRow,
    "dim_properties": properties.PropertyRow,
    "dim_source_files": files.FileRow,
    "fct_assessments": assessments.AssessmentRow,
    "fct_changes": changes.ChangeRow,
    "fct_market_index": prices.IndexRow,
    "fct_ownership": ownership.OwnershipRow,
    "fct_property_hazards": hazards.HazardRow,
    "fct_sales": sales.SaleRow,
}

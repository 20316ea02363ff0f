"""Pictures of how well estimates hit prices, for run metadata: Markdown text with a hand-made SVG.

Belongs here: six drawings of numbers that somebody else computed. Does not belong here: the numbers, and where a
picture is shown (`defs/valuation`, `defs/features`). General pictures are in `core/pictures.py` and `core/plots.py`.

ratio_histogram, error_by_price_decile and coverage_by_tercile stay under 1,000 characters, so the Dagster UI draws them
without a click; the others stay under 8,000, so that any two fit into an event beside its tables. Equal numbers give
equal text. Blue, ochre and vermilion, never red and green; what a colour says, a position or a word says too.
"""

from real_estate_assets.core.valuation_pictures.closeness import predicted_against_actual, ratio_histogram
from real_estate_assets.core.valuation_pictures.filled import feature_coverage
from real_estate_assets.core.valuation_pictures.groups import coverage_by_tercile, error_by_price_decile
from real_estate_assets.core.valuation_pictures.places import error_map

__all__ = [
    "coverage_by_tercile",
    "error_by_price_decile",
    "error_map",
    "feature_coverage",
    "predicted_against_actual",
    "ratio_histogram",
]

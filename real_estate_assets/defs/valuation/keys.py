"""Asset keys of the valuation stage. Belongs here: names other stages depend on, and nothing that imports them."""

import dagster as dg

TRAINING_SET, MODEL, ESTIMATES, RATIO_STUDY, COMPARABLES = (
    dg.AssetKey(["valuation", name]) for name in ("training_set", "model", "estimates", "ratio_study", "comparables")
)
ALL = (TRAINING_SET, MODEL, ESTIMATES, RATIO_STUDY, COMPARABLES)
ENOUGH_SALES, IAAO_BANDS, SALES_CHASING = "enough_sales", "iaao_bands", "sales_chasing"
EVERY_PROPERTY, INTERVAL_COVERAGE, LEARNABLE = "every_property", "interval_coverage", "learnable"

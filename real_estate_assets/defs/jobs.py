"""One job a stage, and one for all of them. Belongs here: names and selections. Does not belong here: when they run."""

import dagster as dg

from real_estate_assets.defs.partitions import tenants

REFERENCE, LANDING, RECORDS, ENRICHMENT, CALIBRATION = (
    dg.AssetSelection.key_prefixes([p]) for p in ("reference", "landing", "records", "enrichment", "trust")
)
WAREHOUSE = dg.AssetSelection.key_prefixes(["intermediate"], ["marts"])
FEATURES, VALUATION = (dg.AssetSelection.key_prefixes([p]) for p in ("features", "valuation"))

reference_job = dg.define_asset_job("reference_job", REFERENCE, description="Load every public layer.")
landing_job = dg.define_asset_job("landing_job", LANDING, partitions_def=tenants, description="Land tenants' files.")
records_job = dg.define_asset_job(
    "records_job", RECORDS, partitions_def=tenants, description="Read and gate what landed."
)
enrichment_job = dg.define_asset_job(
    "enrichment_job", ENRICHMENT, partitions_def=tenants, description="Addresses, identities, locations, hazards."
)
calibration_job = dg.define_asset_job(
    "calibration_job", CALIBRATION, partitions_def=tenants, description="Measure what trust is computed from."
)
warehouse_job = dg.define_asset_job(
    "warehouse_job", WAREHOUSE, partitions_def=tenants, description="Build and publish the marts."
)
features_job = dg.define_asset_job(
    "features_job", FEATURES, partitions_def=tenants, description="Compute features and serve the newest."
)
valuation_job = dg.define_asset_job(
    "valuation_job", VALUATION, partitions_def=tenants, description="Value every property, and judge the model."
)
tenants_job = dg.define_asset_job(
    "tenants_job",
    LANDING | RECORDS | ENRICHMENT | CALIBRATION | WAREHOUSE | FEATURES | VALUATION,
    partitions_def=tenants,
    description="From files to estimates, for a chunk of tenants, in one run.",
)

ALL = [
    *(reference_job, landing_job, records_job, enrichment_job, calibration_job, warehouse_job, features_job),
    *(valuation_job, tenants_job),
]

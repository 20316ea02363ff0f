"""What the features are as a stage. Belongs here: its inputs, its assets, what it waits for.

Does not belong here: computing (`assets.py`). Trust is read from the parameters in force when the stage runs; a new
calibration comes with new marts, which this stage follows.
"""

import dagster as dg

from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.enrichment.assets import STAGE as ENRICHMENT_STAGE
from real_estate_assets.defs.features.keys import MARKET, PROPERTY
from real_estate_assets.defs.features.online import ONLINE
from real_estate_assets.defs.per_tenant import Stage
from real_estate_assets.defs.records.assets import STAGE as RECORDS_STAGE
from real_estate_assets.defs.warehouse.stage import STAGE as WAREHOUSE

PROPERTIES, HAZARDS, SALES, INDEX = (
    dg.AssetKey(["marts", name]) for name in ("dim_properties", "fct_property_hazards", "fct_sales", "fct_market_index")
)
# The records that dim_properties takes the newest of, and the files that they are of.
RECORDS, FILES = (
    dg.AssetKey(["intermediate", name]) for name in ("int_records__accepted", "int_source_files__described")
)
INPUTS = {
    PROPERTY: [RECORDS, FILES, PROPERTIES, HAZARDS, SALES],
    MARKET: [RECORDS, FILES, SALES, INDEX],
    ONLINE: [PROPERTY, MARKET],
}
STAGE = Stage(
    node="features",
    code_version=code_version("features"),
    upstream_nodes=["landing/source_files", "records", "enrichment", "warehouse"],
    upstream=list(dict.fromkeys([*INPUTS[PROPERTY], *INPUTS[MARKET]])),
    keys=[PROPERTY, MARKET, ONLINE],
    after=[RECORDS_STAGE, ENRICHMENT_STAGE, WAREHOUSE],
)

"""What dbt's models are as a stage. Belongs here: its inputs, its assets, what it waits for, dbt's manifest.

Does not belong here: running dbt (`assets.py`) and how a node becomes an asset (`translator.py`).
"""

from collections.abc import Mapping
from functools import cache
from typing import Any

from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.enrichment import keys as enrichment_keys
from real_estate_assets.defs.enrichment.assets import STAGE as ENRICHMENT_STAGE
from real_estate_assets.defs.landing.assets import SOURCE_FILES
from real_estate_assets.defs.per_tenant import Stage
from real_estate_assets.defs.records.assets import RECORDS
from real_estate_assets.defs.records.assets import STAGE as RECORDS_STAGE
from real_estate_assets.defs.reference.keys import ALL as REFERENCES
from real_estate_assets.defs.warehouse.translator import TenantTranslator
from real_estate_assets.settings import get_settings
from real_estate_assets.stores.dbt_process import load_manifest

TRANSLATOR = TenantTranslator()


@cache
def manifest() -> Mapping[str, Any]:
    """dbt's manifest, made by `reos up`; read once a process."""
    return load_manifest(get_settings())


STAGE = Stage(
    node="warehouse",
    code_version=code_version("warehouse"),
    upstream_nodes=["landing/source_files", "records", "enrichment"],
    upstream=[SOURCE_FILES, *RECORDS.values(), *enrichment_keys.ALL, *REFERENCES],
    unpartitioned=frozenset(REFERENCES),
    # A model that is no table is part of those that select from it.
    keys=sorted(
        TRANSLATOR.get_asset_key(node)
        for node in manifest()["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["materialized"] != "ephemeral"
    ),
    after=[RECORDS_STAGE, ENRICHMENT_STAGE],
)

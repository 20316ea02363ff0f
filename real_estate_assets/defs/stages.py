"""The stages in the order of the pipeline, and for each tenant whether it is up to date.

Belongs here: what a planner needs (the job, the assets, the fingerprint) in one list. Does not belong here: running
(`running.py`), and when to (`automation.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.enrichment.assets import STAGE as ENRICHMENT
from real_estate_assets.defs.enrichment.keys import ALL as ENRICHMENT_KEYS
from real_estate_assets.defs.features.stage import STAGE as FEATURES
from real_estate_assets.defs.fingerprints import FINGERPRINT_TAG, latest_tag
from real_estate_assets.defs.landing.assets import SOURCE_FILES
from real_estate_assets.defs.landing.assets import STAGE as LANDING
from real_estate_assets.defs.landing.signatures import landing_inputs
from real_estate_assets.defs.per_tenant import Stage
from real_estate_assets.defs.records.assets import RECORDS
from real_estate_assets.defs.records.assets import STAGE as RECORDS_STAGE
from real_estate_assets.defs.reference.keys import EVERY as REFERENCES
from real_estate_assets.defs.trust.calibration import STAGE as CALIBRATION
from real_estate_assets.defs.trust.keys import ALL as CALIBRATION_KEYS
from real_estate_assets.defs.valuation.assets import STAGE as VALUATION
from real_estate_assets.defs.warehouse.assets import STAGE as WAREHOUSE
from real_estate_assets.defs.warehouse.assets import warehouse_models
from real_estate_assets.stores.warehouse import Warehouse


@dataclass(frozen=True)
class PlannedStage:
    """A stage, the job that runs it and the assets whose fingerprints tell whether a tenant is up to date.

    feeds_next: whether the stages after it are made of what it makes. The marts are not made of the calibration: it
    stands before them only so that the trust they show is computed from the newest parameters.
    """

    name: str
    job_name: str
    stage: Stage
    keys: Sequence[dg.AssetKey]
    feeds_next: bool = True


PLAN = (
    PlannedStage("landing", "landing_job", LANDING, [SOURCE_FILES]),
    PlannedStage("records", "records_job", RECORDS_STAGE, list(RECORDS.values())),
    PlannedStage("enrichment", "enrichment_job", ENRICHMENT, list(ENRICHMENT_KEYS)),
    PlannedStage("calibration", "calibration_job", CALIBRATION, list(CALIBRATION_KEYS), feeds_next=False),
    PlannedStage("warehouse", "warehouse_job", WAREHOUSE, sorted(warehouse_models.keys)),
    PlannedStage("features", "features_job", FEATURES, list(FEATURES.keys)),
    PlannedStage("valuation", "valuation_job", VALUATION, list(VALUATION.keys)),
)


def wanted_fingerprint(
    instance: dg.DagsterInstance, warehouse: Warehouse, planned: PlannedStage, tenant_id: str
) -> str:
    """What the stage would be made of for the tenant now."""
    extra: Mapping[str, str] = {}
    if planned.stage is LANDING:
        extra = landing_inputs(warehouse, tenant_id)
    return planned.stage.fingerprint(instance, tenant_id, extra)


def stale_tenants(
    instance: dg.DagsterInstance, warehouse: Warehouse, planned: PlannedStage, tenant_ids: Sequence[str]
) -> list[str]:  # fmt: skip
    """Tenants of which some asset of the stage was never made, or was made of something else than there is now."""
    stale = []
    for tenant_id in tenant_ids:
        wanted = wanted_fingerprint(instance, warehouse, planned, tenant_id)
        if any(latest_tag(instance, key, tenant_id, FINGERPRINT_TAG) != wanted for key in planned.keys):
            stale.append(tenant_id)
    return stale


def stale_references(instance: dg.DagsterInstance) -> list[dg.AssetKey]:
    """Reference layers that were never loaded, or by other code, or from a file that has changed since."""
    from real_estate_assets.defs.reference.signatures import reference_signature

    version = code_version("reference")
    return [
        key
        for key in REFERENCES
        if latest_tag(instance, key, None, "dagster/code_version") != version
        or latest_tag(instance, key, None, FINGERPRINT_TAG) != reference_signature(key)
    ]

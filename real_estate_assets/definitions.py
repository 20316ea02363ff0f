"""The code location: every asset, check, sensor and resource, gathered. Nothing is connected to while this loads.

Belongs here: gathering. Does not belong here: any asset, and any import that takes long (a test guards it).
"""

import dagster as dg

from real_estate_assets.defs import automation, jobs
from real_estate_assets.defs.enrichment.assets import enrich
from real_estate_assets.defs.features.assets import compute_features
from real_estate_assets.defs.landing.assets import landing
from real_estate_assets.defs.lineage.sensor import openlineage
from real_estate_assets.defs.records.assets import records
from real_estate_assets.defs.reference.assets import assets as reference_assets
from real_estate_assets.defs.resources import ObjectStoreResource, WarehouseResource
from real_estate_assets.defs.tenants.registry import tenant_registry
from real_estate_assets.defs.trust.audit import audit, audit_job, daily_audit
from real_estate_assets.defs.trust.calibration import calibrate
from real_estate_assets.defs.valuation.assets import value
from real_estate_assets.defs.warehouse.assets import warehouse_models
from real_estate_assets.settings import calm_threads

calm_threads()

defs = dg.Definitions(
    asset_checks=[audit],
    assets=[*reference_assets, landing, records, enrich, calibrate, warehouse_models, compute_features, value],
    jobs=[*jobs.ALL, audit_job],
    schedules=[automation.refresh_changed, daily_audit],
    sensors=[tenant_registry, *automation.sensors, openlineage],
    resources={"warehouse": WarehouseResource(), "object_store": ObjectStoreResource()},
    executor=dg.in_process_executor,  # a stage is one step: a process of its own would pay the imports twice
)

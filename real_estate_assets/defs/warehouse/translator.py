"""How dbt's nodes are named, grouped and described in Dagster.

Belongs here: the mapping from a manifest node to an asset's key, group, owners and checks. Does not belong here:
running dbt (`assets.py`) and models (`dbt_project/`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtProject

from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.conditions import asked_with
from real_estate_assets.defs.enrichment.keys import ADDRESSES, HAZARD_EXPOSURES, IDENTITIES, LOCATIONS
from real_estate_assets.defs.landing.assets import SOURCE_FILES
from real_estate_assets.defs.partitions import tenants
from real_estate_assets.defs.records.assets import RECORDS
from real_estate_assets.defs.reference.keys import (
    COUNTY_BOUNDARIES,
    COUNTY_HAZARD_SCORES,
    FLOOD_ZONES,
    HOUSE_PRICE_INDEX,
    SOURCE_REGISTRY,
)
from real_estate_assets.defs.trust.keys import ALL as TRUST

# Which asset writes each source table of the dbt project. An unknown one raises: no model reads what no stage owns.
SOURCE_ASSETS: dict[tuple[str, str], dg.AssetKey] = {
    ("raw", "property"): RECORDS["property"],
    ("raw", "parcel"): RECORDS["parcel"],
    ("raw", "owner"): RECORDS["owner"],
    ("raw", "hazard_zone"): RECORDS["hazard_zone"],
    ("quarantine", "record"): RECORDS["property"],
    ("quarantine", "cell"): RECORDS["property"],
    ("enrichment", "address"): ADDRESSES,
    ("enrichment", "identity"): IDENTITIES,
    ("enrichment", "location"): LOCATIONS,
    ("enrichment", "hazard_exposure"): HAZARD_EXPOSURES,
    ("prov", "source_file"): SOURCE_FILES,
    ("prov", "evidence"): RECORDS["property"],
    ("prov", "source_registry"): SOURCE_REGISTRY,
    ("tenancy", "tenant"): SOURCE_FILES,
    ("reference", "county"): COUNTY_BOUNDARIES,
    ("reference", "hazard_layer"): FLOOD_ZONES,
    ("reference", "hazard_zone"): FLOOD_ZONES,
    ("reference", "county_hazard_score"): COUNTY_HAZARD_SCORES,
    ("reference", "house_price_index"): HOUSE_PRICE_INDEX,
}
GROUPS = {"intermediate": "g4_intermediate", "marts": "g5_marts"}


class TenantTranslator(DagsterDbtTranslator):
    """Keys are schema and name; checks are partitioned by tenant, which dagster-dbt leaves out."""

    def __init__(self) -> None:
        super().__init__(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        """Sources are the assets of the stages that write them, seeds reference tables, models [schema, name]."""
        kind, name = dbt_resource_props["resource_type"], dbt_resource_props["name"]
        if kind == "source":
            return SOURCE_ASSETS[dbt_resource_props["source_name"], name]
        if kind == "seed":
            return dg.AssetKey(["reference", name])
        return dg.AssetKey([dbt_resource_props["schema"], name])

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """All models stand after the calibration, of which they are not made: it decides when, and trust is newest."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        return spec.replace_attributes(deps=[*spec.deps, *(dg.AssetDep(key) for key in TRUST)])

    def get_partitions_def(self, dbt_resource_props: Mapping[str, Any]) -> dg.PartitionsDefinition | None:
        """Every model is partitioned by tenant."""
        return tenants

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """Numbered, because the UI sorts groups by name."""
        return GROUPS.get(dbt_resource_props["schema"], "g5_marts")

    def get_owners(self, dbt_resource_props: Mapping[str, Any]) -> list[str]:
        """The model's own owner, a team unless it is an address; else the data engineers."""
        owner = str(dbt_resource_props.get("meta", {}).get("owner") or "data-engineering")
        return [owner if "@" in owner or owner.startswith("team:") else f"team:{owner}"]

    def get_code_version(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        """The whole stage's: a macro or a seed decides what a model makes as much as its own SQL does."""
        return code_version("warehouse")

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition | None:
        """All models are made when the calibration is, and in its run."""
        return asked_with(TRUST[0])

    def get_asset_check_spec(self, asset_spec, manifest, unique_id, project):  # type: ignore[no-untyped-def]
        """A check is per tenant: without this one tenant's pass overwrites another's failure."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return spec and spec._replace(partitions_def=tenants)

"""The assets `enrichment/*`. Belongs here: Dagster wiring and metadata; the work is in the modules beside this one."""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.enrichment import exposing, identifying, locating
from real_estate_assets.defs.enrichment.keys import ADDRESSES, ALL, HAZARD_EXPOSURES, IDENTITIES, LOCATIONS
from real_estate_assets.defs.enrichment.pictures import exposure_metadata, location_metadata
from real_estate_assets.defs.partitions import per_chunk
from real_estate_assets.defs.per_tenant import Stage, run
from real_estate_assets.defs.records.assets import RECORDS
from real_estate_assets.defs.records.assets import STAGE as RECORDS_STAGE
from real_estate_assets.defs.reference.keys import COUNTY_HAZARD_SCORES, FLOOD_ZONES, HAZARD_SCORE_SCALE
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.defs.stage_events import AssetResult, Event, StageResult
from real_estate_assets.defs.stage_specs import asset_spec
from real_estate_assets.stores.warehouse import Warehouse, enrichment, quarantine
from real_estate_assets.stores.warehouse.tables import publication

PROPERTIES, PARCELS, ZONES = RECORDS["property"], RECORDS["parcel"], RECORDS["hazard_zone"]
REFERENCES = frozenset({FLOOD_ZONES, COUNTY_HAZARD_SCORES, HAZARD_SCORE_SCALE})
STAGE = Stage(
    node="enrichment",
    code_version=code_version("enrichment"),
    upstream_nodes=["landing/source_files", "records"],
    upstream=[PROPERTIES, PARCELS, ZONES, *REFERENCES],
    unpartitioned=REFERENCES,
    keys=ALL,
    after=[RECORDS_STAGE],
)


def _spec(key: dg.AssetKey, deps: Sequence[dg.AssetKey], kinds: set[str], description: str) -> dg.AssetSpec:
    return asset_spec(key, STAGE, deps=deps, group="g3_enrichment", kinds={"postgres", *kinds}, description=description)


@dg.multi_asset(
    name="enrichment",
    specs=[
        _spec(
            ADDRESSES,
            [PROPERTIES],
            set(),
            "Grain: one distinct address text. USPS Publication 28 form beside the raw text.",
        ),
        _spec(
            IDENTITIES,
            [PROPERTIES, ADDRESSES],
            set(),
            "Grain: one property record. The property it speaks of, and by which parts.",
        ),
        _spec(
            LOCATIONS,
            [PROPERTIES, PARCELS],
            {"shapely"},
            "Grain: one parcel number. Its polygon from the newest parcel layer that has it, else the coordinates a "
            "source states.",
        ),
        _spec(
            HAZARD_EXPOSURES,
            [LOCATIONS, ZONES, *sorted(REFERENCES)],
            {"shapely"},
            "Grain: one location and peril. The finest evidence there is, in the source's own words, or null with the "
            "reason.",
        ),
    ],
    backfill_policy=per_chunk(),
)
def enrich(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Event]:
    """Addresses, identities, locations and exposures of every tenant of the run, published together."""
    client = warehouse.get()

    def work(tenant_id: str) -> StageResult:
        identified = _identify(client, tenant_id, context.run_id)
        located, exposed = _locate_and_expose(client, tenant_id, context.run_id)
        return StageResult([*identified, located, exposed])

    yield from run(context, client, STAGE, work)


def _identify(client: Warehouse, tenant_id: str, run_id: str) -> list[AssetResult]:
    found = identifying.identify(client, tenant_id)
    enrichment.replace_identity_rejections(client, tenant_id, found.rejections, run_id=run_id)
    quarantine.refresh_statistics(client)
    with publication(client, tenant_id, f"{run_id}/identity") as to:
        address_count = enrichment.stage_addresses(to, found.address_rows())
        identity_count = enrichment.stage_identities(to, found.rows)
    return [
        AssetResult(ADDRESSES, address_count, found.address_counts()),
        AssetResult(
            IDENTITIES,
            identity_count,
            {"properties": found.properties, "quarantined": len({r[:2] for r in found.rejections})},
        ),
    ]


def _locate_and_expose(client: Warehouse, tenant_id: str, run_id: str) -> tuple[AssetResult, AssetResult]:
    version = STAGE.code_version
    found = locating.locate(client, tenant_id, code_version=version, run_id=run_id)
    with publication(client, tenant_id, f"{run_id}/location") as to:
        enrichment.stage_locations(to, locating.rows(found))
    layers = exposing.layers_for(client, tenant_id)
    locations, exposures = exposing.assess_tenant(client, tenant_id, layers)
    rows = list(exposing.exposure_rows(client, tenant_id, exposures, layers, code_version=version, run_id=run_id))
    with publication(client, tenant_id, f"{run_id}/exposure") as to:
        enrichment.stage_exposures(to, rows)
    metadata: dict[str, Any] = exposure_metadata(locations, exposures)
    return AssetResult(LOCATIONS, len(found), location_metadata(found)), AssetResult(
        HAZARD_EXPOSURES, len(rows), metadata
    )

"""The asset `landing/source_files`. Belongs here: Dagster wiring and metadata. The work is in `landing.py`."""

from collections.abc import Iterator

import dagster as dg

from real_estate_assets.core.tenants import parse_tenant_file
from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.conditions import make_what_is_missing
from real_estate_assets.defs.landing.landing import Landing, land
from real_estate_assets.defs.landing.signatures import landing_inputs
from real_estate_assets.defs.partitions import per_chunk, tenants
from real_estate_assets.defs.per_tenant import Stage, TenantDataError, run
from real_estate_assets.defs.resources import ObjectStoreResource, WarehouseResource
from real_estate_assets.defs.stage_events import AssetResult, Event, StageResult

SOURCE_FILES = dg.AssetKey(["landing", "source_files"])
STAGE = Stage(node=SOURCE_FILES.to_user_string(), code_version=code_version("landing"))


@dg.multi_asset(
    name="landing",
    specs=[
        dg.AssetSpec(
            SOURCE_FILES,
            partitions_def=tenants,
            skippable=True,
            group_name="g1_landing",
            kinds={"python", "s3"},
            owners=["team:data-engineering"],
            code_version=STAGE.code_version,
            automation_condition=make_what_is_missing,
            description="Grain: one source file (a vintage of a source). The bytes of every file that a tenant's "
            "description names, kept once by sha256 and never overwritten. Sources: the tenant's own files.",
        )
    ],
    backfill_policy=per_chunk(),
)
def landing(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, object_store: ObjectStoreResource
) -> Iterator[Event]:
    """Land the files of every tenant of the run."""
    client = warehouse.get()

    def work(tenant_id: str) -> StageResult:
        from real_estate_assets.stores.warehouse.tenants import get_tenant

        tenant = get_tenant(client, tenant_id)
        description = parse_tenant_file(tenant.description, name=f"{tenant_id}.yaml")
        result = land(client, object_store.for_tenant(tenant_id), description, tenant.base_uri)
        if result.problems:
            raise TenantDataError("; ".join(result.problems))
        return StageResult([AssetResult(SOURCE_FILES, len(result.landed), _metadata(result), result.data_version)])

    yield from run(context, client, STAGE, work, lambda tenant_id: landing_inputs(client, tenant_id))


def _metadata(result: Landing) -> dict[str, dg.MetadataValue | int]:
    rows = "\n".join(
        f"| {f.file_no} | {f.source_name} | {f.uri} | {f.vintage} | {f.byte_count:,} | `{f.sha256[:12]}` "
        f"| {'new' if f.is_new else 'known'} |"
        for f in result.landed
    )
    return {
        "files": dg.MetadataValue.md(
            f"| no | source | file | vintage | bytes | sha256 | |\n|--|--|--|--|--:|--|--|\n{rows}"
        ),
        "files_new": sum(f.is_new for f in result.landed),
        "files_awaited": dg.MetadataValue.text(", ".join(result.awaited) or "none"),
        "bytes": sum(f.byte_count for f in result.landed),
        "sha256_by_file": dg.MetadataValue.json({f.uri: f.sha256 for f in result.landed}),
    }

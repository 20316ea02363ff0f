"""dbt's models as tenant-partitioned assets. Belongs here: the one call of dbt and its events by tenant."""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import dagster as dg
from dagster_dbt import dbt_assets

from real_estate_assets.defs.partitions import per_chunk, tenants
from real_estate_assets.defs.per_tenant import finish, record_blocked, waits_for
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.defs.stage_events import AssetResult, CheckResult, Event, StageResult, tenant_events
from real_estate_assets.defs.warehouse.pictures import input_metadata, mart_metadata
from real_estate_assets.defs.warehouse.stage import STAGE, TRANSLATOR, manifest
from real_estate_assets.defs.warehouse.trust_record import trust_record
from real_estate_assets.settings import get_settings
from real_estate_assets.stores.dbt_process import build_arguments, run_dbt
from real_estate_assets.stores.warehouse import Warehouse, outcomes
from real_estate_assets.stores.warehouse.trust_summary import now
from real_estate_assets.stores.warehouse.turns import turn


@dbt_assets(
    manifest=manifest(),
    exclude="resource_type:seed",
    name="warehouse",
    partitions_def=tenants,
    backfill_policy=per_chunk(),
    dagster_dbt_translator=TRANSLATOR,
    pool="postgres_dbt",
)
def warehouse_models(context: dg.AssetExecutionContext, warehouse: WarehouseResource) -> Iterator[Event]:
    """Build, test and publish the selected models for every tenant of the run that waits for no earlier stage."""
    client = warehouse.get()
    with turn(client, context.partition_keys):
        yield from _build(context, client)
    yield from finish(context, client)


def _build(context: dg.AssetExecutionContext, client: Warehouse) -> Iterator[Event]:
    free = []
    for tenant_id in context.partition_keys:
        cause = waits_for(context.instance, client, STAGE, tenant_id)
        if cause is None:
            free.append(tenant_id)
            continue
        context.log.warning("warehouse: %s waits: %s; yesterday's marts stay served", tenant_id, cause)
        record_blocked(client, context.run_id, STAGE, tenant_id, cause)
    if free:
        made_of = {t: STAGE.fingerprint(context.instance, t) for t in free}
        arguments = build_arguments(_models(context))
        result = run_dbt(get_settings(), arguments, tenant_ids=free, run_id=context.run_id, tell=context.log.debug)
        found = outcomes.of_invocation(client, free, result.invocation_id)
        yield from _events(context, client, found, made_of)
        _record_outcomes(client, context, found, free)


def _models(context: dg.AssetExecutionContext) -> list[str]:
    """Names of the selected models; none where all are selected."""
    selected = context.selected_asset_keys
    if len(selected) == len(context.assets_def.keys):
        return []
    return [
        n["name"]
        for n in manifest()["nodes"].values()
        if n["resource_type"] == "model" and TRANSLATOR.get_asset_key(n) in selected
    ]


def _events(
    context: dg.AssetExecutionContext,
    client: Warehouse,
    found: Sequence[outcomes.Outcome],
    made_of: Mapping[str, str],
) -> Iterator[Event]:
    """One materialization per (model, tenant) that was published, one evaluation per (test, tenant)."""
    published = {o.tenant_id for o in found if o.node_id == "publish" and o.is_ok}
    as_of = now(client)
    for tenant_id, fingerprint in made_of.items():
        own = [o for o in found if o.tenant_id == tenant_id]
        checks = [c for o in own if o.node_id.startswith("test.") and (c := _check(context, o)) is not None]
        built = _assets(context, client, tenant_id, own, checks, as_of) if tenant_id in published else []
        yield from tenant_events(
            context, StageResult(built, checks), tenant_id, made_of=fingerprint, code_version=STAGE.code_version
        )


def _assets(
    context: dg.AssetExecutionContext,
    client: Warehouse,
    tenant_id: str,
    own: Sequence[outcomes.Outcome],
    checks: Sequence[CheckResult],
    as_of: dt.datetime,
) -> list[AssetResult]:
    inputs = input_metadata(client, tenant_id)
    built = []
    for outcome in own:
        if not (outcome.node_id.startswith("model.") and outcome.is_ok):
            continue
        key = TRANSLATOR.get_asset_key(manifest()["nodes"][outcome.node_id])
        verdicts = [check.passed for check in checks if check.key == key]
        metadata = {
            "build_ms": outcome.duration_ms or 0,
            "checks_passed": sum(verdicts),
            "checks_failed": len(verdicts) - sum(verdicts),
            **mart_metadata(client, tenant_id, key),
            **trust_record(client, context.instance, tenant_id, key, as_of),
            **inputs,
        }
        built.append(AssetResult(key, outcome.row_count or 0, metadata))
    return built


def _check(context: dg.AssetExecutionContext, outcome: outcomes.Outcome) -> CheckResult | None:
    nodes = manifest()["nodes"]
    attached = nodes[outcome.node_id].get("attached_node")
    if attached is None:
        return None
    spec = TRANSLATOR.get_asset_check_spec(
        TRANSLATOR.get_asset_spec(manifest(), attached, None), manifest(), outcome.node_id, None
    )
    if spec is None or not any(s.key == spec.key for s in context.assets_def.check_specs):
        return None
    severity = dg.AssetCheckSeverity.ERROR if outcome.severity == "error" else dg.AssetCheckSeverity.WARN
    metadata = {"failed_rows": outcome.failed_rows or 0, **({"error": outcome.error} if outcome.error else {})}
    return CheckResult(spec.asset_key, spec.name, outcome.is_ok, spec.blocking, severity, metadata)


def _record_outcomes(
    client: Warehouse, context: dg.AssetExecutionContext, found: Sequence[outcomes.Outcome], tenant_ids: Sequence[str]
) -> None:
    """Each tenant's outcome of the whole stage: published, or why it keeps yesterday's marts."""
    for tenant_id in tenant_ids:
        own = [o for o in found if o.tenant_id == tenant_id]
        publication = next((o for o in own if o.node_id == "publish"), None)
        error = "dbt ended before publishing" if publication is None else publication.error
        outcomes.record(
            client,
            tenant_id,
            invocation_id=context.run_id,
            node_id=STAGE.node,
            is_ok=error is None,
            stage="publish",
            duration_ms=sum(o.duration_ms or 0 for o in own),
            row_count=sum(o.row_count or 0 for o in own if o.node_id.startswith("model.")),
            error=error and f"yesterday's marts stay served: {error}",
        )

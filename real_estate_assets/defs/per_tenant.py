"""Runs one stage for many tenants in one step: one tenant's failure is that tenant's outcome.

Belongs here: the loop over the tenants of a run, and turning results into Dagster events. Does not belong here: what a
stage does with one tenant (its own folder).

Explicit AssetMaterialization events rather than Output or MaterializeResult: those record ALL partitions of the run,
failed tenants included, and a failed tenant would look fresh. The price is that later steps of the *same* run are skipped
for want of an Output, so each stage is a run of its own: one automation sensor a stage, one job a stage.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

# Not public, and needed: a check evaluation that names no stored materialization never counts as passed for a partition
# (seen: all_deps_blocking_checks_passed() then holds back every tenant for ever).
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from real_estate_assets.defs.fingerprints import DATA_VERSION_TAG, FINGERPRINT_TAG, fingerprint, input_versions
from real_estate_assets.stores.warehouse import Warehouse, outcomes

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation


class TenantDataError(Exception):
    """A tenant's data cannot be used as it is; the message names file, row, column and what to do. Not worth a retry."""


@dataclass(frozen=True)
class AssetResult:
    """One asset's new state for one tenant. `data_version` identifies the content; None = derived from the inputs."""

    key: dg.AssetKey
    row_count: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data_version: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """One check's verdict for one tenant. A failed blocking check keeps the tenant's downstream stages from starting."""

    key: dg.AssetKey
    name: str
    passed: bool
    is_blocking: bool
    severity: dg.AssetCheckSeverity = dg.AssetCheckSeverity.ERROR
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class StageResult:
    """What a stage made for one tenant."""

    assets: Sequence[AssetResult]
    checks: Sequence[CheckResult] = ()


@dataclass(frozen=True)
class Stage:
    """A stage as `run` needs it. node: its name in `tenancy.outcome`; upstream_nodes: whose failure blocks a tenant;
    upstream: assets whose data versions it reads; unpartitioned: those of them that belong to no tenant."""

    node: str
    code_version: str
    upstream_nodes: Sequence[str] = ()
    upstream: Sequence[dg.AssetKey] = ()
    unpartitioned: frozenset[dg.AssetKey] = frozenset()

    def fingerprint(self, instance: dg.DagsterInstance, tenant_id: str, extra: Mapping[str, str] | None = None) -> str:
        """What this stage would be made of for the tenant now. extra: inputs that are no assets (a tenant's description)."""
        partitioned = {key: key not in self.unpartitioned for key in self.upstream}
        versions = input_versions(instance, self.upstream, tenant_id, partitioned=partitioned)
        return fingerprint(self.code_version, {**versions, **(extra or {})})


def run(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    stage: Stage,
    work: Callable[[str], StageResult],
    extra_inputs: Callable[[str], Mapping[str, str]] = lambda _: {},
) -> Iterator[Event]:
    """Do `work` for every tenant of the run; yield the events of those that succeeded; fail at the end if any failed.

    Raises dg.Failure naming each failed tenant. Retries are allowed only when every failure could be passing (a lost
    connection), because a retry repeats the whole chunk.
    """
    failures: dict[str, BaseException] = {}
    for number, tenant_id in enumerate(context.partition_keys, 1):
        context.log.info("%s: tenant %s, %d of %d", stage.node, tenant_id, number, len(context.partition_keys))
        started = time.monotonic()
        cause = outcomes.blocked_by(warehouse, tenant_id, stage.upstream_nodes)
        if cause is not None:
            context.log.warning("%s: %s waits, because %s failed for it", stage.node, tenant_id, cause)
            _record(warehouse, context, stage, tenant_id, started, error=cause, how="blocked")
            continue
        # Before the work: an input that changes meanwhile must make the result stale, not fresh.
        made_of = stage.fingerprint(context.instance, tenant_id, extra_inputs(tenant_id))
        try:
            result = work(tenant_id)
        except Exception as error:
            failures[tenant_id] = error
            context.log.error("%s: tenant %s failed: %s", stage.node, tenant_id, _describe(error))
            _record(warehouse, context, stage, tenant_id, started, error=str(error), how="failed")
            continue
        blocked = [check.name for check in result.checks if check.is_blocking and not check.passed]
        error_text = f"blocking checks failed: {', '.join(blocked)}" if blocked else None
        rows = sum(asset.row_count for asset in result.assets)
        _record(warehouse, context, stage, tenant_id, started, error=error_text, how="gate" if blocked else "done", rows=rows)
        yield from _events(context, result, tenant_id, made_of, stage.code_version)
    if failures:
        raise _failure(stage, failures)


def _record(
    warehouse: Warehouse, context: dg.AssetExecutionContext, stage: Stage, tenant_id: str, started: float, *,
    error: str | None, how: str, rows: int | None = None,
) -> None:  # fmt: skip
    outcomes.record(
        warehouse, tenant_id, invocation_id=context.run_id, node_id=stage.node, is_ok=error is None, stage=how,
        duration_ms=round(1000 * (time.monotonic() - started)), row_count=rows, error=error,
    )  # fmt: skip


def _describe(error: BaseException) -> str:
    """A tenant's data problem is its message; anything else is a defect and shows where it happened."""
    return str(error) if isinstance(error, TenantDataError) else "".join(traceback.format_exception(error))


def _events(context: dg.AssetExecutionContext, result: StageResult, tenant_id: str, made_of: str, code_version: str) -> Iterator[Event]:
    selected = context.selected_asset_keys
    for asset in result.assets:
        if asset.key not in selected:
            continue
        tags = {DATA_VERSION_TAG: asset.data_version or made_of, FINGERPRINT_TAG: made_of, "dagster/code_version": code_version}
        metadata = {"dagster/row_count": asset.row_count, **asset.metadata}
        yield dg.AssetMaterialization(asset_key=asset.key, partition=tenant_id, metadata=metadata, tags=tags)
    for check in result.checks:
        if check.key in selected:
            yield dg.AssetCheckEvaluation(
                asset_key=check.key, check_name=check.name, passed=check.passed, partition=tenant_id, severity=check.severity,
                blocking=check.is_blocking, metadata=dict(check.metadata), target_materialization_data=_target(context, check.key, tenant_id),
            )  # fmt: skip


def _target(context: dg.AssetExecutionContext, key: dg.AssetKey, tenant_id: str) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The stored materialization that a check speaks about."""
    records = context.instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key, asset_partitions=[tenant_id]), limit=1).records
    if not records:
        return None
    entry = records[0]
    return AssetCheckEvaluationTargetMaterializationData(run_id=entry.run_id, storage_id=entry.storage_id, timestamp=entry.timestamp)


def _failure(stage: Stage, failures: Mapping[str, BaseException]) -> dg.Failure:
    import psycopg

    passing = all(isinstance(error, psycopg.OperationalError) for error in failures.values())
    named = "; ".join(f"{tenant}: {error}" for tenant, error in failures.items())
    return dg.Failure(
        f"{stage.node}: {len(failures)} tenant{'s' if len(failures) > 1 else ''} failed. {named}"[:4000],
        metadata={tenant: dg.MetadataValue.text(str(error)[:2000]) for tenant, error in list(failures.items())[:50]},
        allow_retries=passing,
    )

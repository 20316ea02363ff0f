"""From a stage's results to Dagster events: one event per (asset, tenant), and what lets the next stage of a run start.

Belongs here: everything that knows Dagster's event model. Does not belong here: the loop over tenants (`per_tenant.py`)
and what a stage does.

Explicit AssetMaterialization events rather than Output or MaterializeResult, because those record ALL partitions of the
run: a tenant that failed would look fresh. A step without Outputs makes Dagster skip the steps after it, so `release`
yields Outputs that carry no event: those of the kind Dagster uses for observed sources, told by a metadata key.
`tests/definitions` holds both against the installed version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Any

import dagster as dg

# Not public, and needed: a check evaluation that names no stored materialization never counts as passed for a partition
# (seen: all_deps_blocking_checks_passed() then holds back every tenant for ever).
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from real_estate_assets.defs.fingerprints import (
    CODE_VERSION_TAG,
    DATA_VERSION_TAG,
    FINGERPRINT_TAG,
    latest_materialization,
)

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation | dg.Output[None]


@dataclass(frozen=True)
class AssetResult:
    """One asset's new state for one tenant. `data_version` identifies the content; None = derived from the inputs."""

    key: dg.AssetKey
    row_count: int
    metadata: Mapping[str, Any] = field(default_factory=dict)
    data_version: str | None = None


@dataclass(frozen=True)
class CheckResult:
    """One check's verdict for one tenant. A failed blocking check keeps the tenant's later stages from starting."""

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


def tenant_events(
    context: dg.AssetExecutionContext, result: StageResult, tenant_id: str, *, made_of: str, code_version: str
) -> Iterator[Event]:
    """The events of one tenant's result, for the assets and checks that the run selected."""
    for asset in result.assets:
        if asset.key not in context.selected_asset_keys:
            continue
        tags = {
            DATA_VERSION_TAG: asset.data_version or made_of,
            FINGERPRINT_TAG: made_of,
            **_provenance_tags(context, asset.key, tenant_id, code_version),
        }
        metadata = {"dagster/row_count": asset.row_count, **asset.metadata}
        yield dg.AssetMaterialization(asset_key=asset.key, partition=tenant_id, metadata=metadata, tags=tags)
    yield from check_events(context, result.checks, tenant_id)


def check_events(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, checks: Iterable[CheckResult], tenant_id: str
) -> Iterator[Event]:
    """The evaluations of one tenant's checks, for those that the run selected."""
    for check in checks:
        if dg.AssetCheckKey(check.key, check.name) in context.selected_asset_check_keys:
            yield dg.AssetCheckEvaluation(
                asset_key=check.key,
                check_name=check.name,
                passed=check.passed,
                partition=tenant_id,
                severity=check.severity,
                blocking=check.is_blocking,
                metadata=dict(check.metadata),
                target_materialization_data=_target(context, check.key, tenant_id),
            )


def _provenance_tags(
    context: dg.AssetExecutionContext, key: dg.AssetKey, tenant_id: str, code_version: str
) -> dict[str, str]:
    """By what Dagster judges whether an asset is in step with what it reads: without them the UI calls it unsynced."""
    tags = {CODE_VERSION_TAG: code_version, "dagster/data_version_is_user_provided": "true"}
    layer = context.job_def.asset_layer
    for parent in sorted(context.assets_def.asset_deps[key]):
        is_partitioned = not layer.has(parent) or layer.get(parent).partitions_def is not None
        found = latest_materialization(context.instance, parent, tenant_id if is_partitioned else None)
        if found is not None and DATA_VERSION_TAG in found[1]:
            tags[f"dagster/input_event_pointer/{parent.to_user_string()}"] = str(found[0])
            tags[f"dagster/input_data_version/{parent.to_user_string()}"] = found[1][DATA_VERSION_TAG]
    return tags


def release(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
    """Let the steps after this one start. Records nothing; which tenants they may work on, `tenancy.outcome` says."""
    marker = {SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True}
    assets_def = context.assets_def
    own = context.selected_asset_keys
    for key in _topological(context, own):
        yield dg.Output(None, output_name=assets_def.get_output_name_for_asset_key(key), metadata=marker)
    for check_key in sorted(context.selected_asset_check_keys, key=str):
        yield dg.Output(None, output_name=context.job_def.asset_layer.get_op_output_name(check_key) or "")


def _topological(context: dg.AssetExecutionContext, keys: AbstractSet[dg.AssetKey]) -> list[dg.AssetKey]:
    """Parents before children: Dagster refuses Outputs in another order."""
    layer = context.job_def.asset_layer
    graph = {key: layer.get(key).parent_keys & keys for key in sorted(keys)}
    return list(TopologicalSorter(graph).static_order())


def is_followed(context: dg.AssetExecutionContext) -> bool:
    """Whether a later stage of the same run still has something to do: then that one reports this stage's failures."""
    layer = context.job_def.asset_layer
    own = set(context.selected_asset_keys)
    later = set(layer.selected_asset_keys) - own
    seen: set[dg.AssetKey] = set()
    frontier = set(own)
    while frontier:
        frontier = {child for key in frontier if layer.has(key) for child in layer.get(key).child_keys} - seen
        seen |= frontier
        if seen & later:
            return True
    return False


def _target(
    context: dg.AssetExecutionContext | dg.OpExecutionContext, key: dg.AssetKey, tenant_id: str
) -> AssetCheckEvaluationTargetMaterializationData | None:
    """The stored materialization that a check speaks about."""
    latest = dg.AssetRecordsFilter(asset_key=key, asset_partitions=[tenant_id])
    records = context.instance.fetch_materializations(latest, limit=1).records
    if not records:
        return None
    entry = records[0]
    return AssetCheckEvaluationTargetMaterializationData(
        run_id=entry.run_id, storage_id=entry.storage_id, timestamp=entry.timestamp
    )

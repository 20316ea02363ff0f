"""Runs one stage for many tenants in one step: one tenant's failure is that tenant's outcome.

Belongs here: the loop over the tenants of a run, what blocks a tenant, and how a run fails. Does not belong here: what
a stage does with one tenant (its own folder) and Dagster's event model (`stage_events.py`).

A tenant that fails is left out by the stages after it, of this run and of later ones, until the stage that failed
succeeds for it. The others go on. The run itself fails at the end of its last stage, naming each failed tenant.
"""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import dagster as dg

from real_estate_assets.defs.fingerprints import (
    CODE_VERSION_TAG,
    FINGERPRINT_TAG,
    fingerprint,
    input_versions,
    latest_materialization,
)
from real_estate_assets.defs.stage_events import Event, StageResult, is_followed, release, tenant_events
from real_estate_assets.stores.warehouse import Warehouse, outcomes
from real_estate_assets.stores.warehouse.turns import turn


class TenantDataError(Exception):
    """A tenant's data cannot be used as it is; the message names file, row, column and what to do. No retry helps."""


@dataclass(frozen=True)
class Stage:
    """A stage as `run` needs it.

    node: its name in `tenancy.outcome`; upstream_nodes: whose failure blocks a tenant; upstream: assets whose data
    versions it reads; unpartitioned: those of them that belong to no tenant; keys: the assets it makes; after: the
    stages that must have seen their newest inputs before it starts.
    """

    node: str
    code_version: str
    upstream_nodes: Sequence[str] = ()
    upstream: Sequence[dg.AssetKey] = ()
    unpartitioned: frozenset[dg.AssetKey] = frozenset()
    keys: Sequence[dg.AssetKey] = ()
    after: Sequence[Stage] = ()

    def is_behind(self, instance: dg.DagsterInstance, tenant_id: str) -> bool:
        """Whether what this stage reads has changed since it was made for the tenant. Code alone does not count."""
        wanted: dict[str, str] = {}  # by code: a stage of many assets was most often made by one
        for key in self.keys:
            found = latest_materialization(instance, key, tenant_id)
            if found is None or FINGERPRINT_TAG not in found[1]:
                return True
            code = found[1].get(CODE_VERSION_TAG, "")
            if code not in wanted:
                wanted[code] = replace(self, code_version=code).fingerprint(instance, tenant_id)
            if found[1][FINGERPRINT_TAG] != wanted[code]:
                return True
        return False

    def fingerprint(
        self, instance: dg.DagsterInstance, tenant_id: str, extra: Mapping[str, str] | None = None
    ) -> str:  # fmt: skip
        """What this stage would be made of for the tenant now. extra: inputs that are no assets (its description)."""
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
    """Do `work` for every tenant of the run and yield the events of those that succeeded.

    Raises dg.Failure naming each tenant that failed in this run, unless a later stage of the run will.
    """
    for number, tenant_id in enumerate(context.partition_keys, 1):
        context.log.info("%s: tenant %s, %d of %d", stage.node, tenant_id, number, len(context.partition_keys))
        with turn(warehouse, [tenant_id]):
            yield from _one_tenant(context, warehouse, stage, tenant_id, work, extra_inputs)
    yield from finish(context, warehouse)


def _one_tenant(
    context: dg.AssetExecutionContext,
    warehouse: Warehouse,
    stage: Stage,
    tenant_id: str,
    work: Callable[[str], StageResult],
    extra_inputs: Callable[[str], Mapping[str, str]],
) -> Iterator[Event]:
    if (cause := waits_for(context.instance, warehouse, stage, tenant_id)) is not None:
        context.log.warning("%s: %s waits: %s", stage.node, tenant_id, cause)
        record_blocked(warehouse, context.run_id, stage, tenant_id, cause)
        return
    started = time.monotonic()
    try:
        # Before the work: an input that changes meanwhile must make the result stale, not fresh.
        made_of = stage.fingerprint(context.instance, tenant_id, extra_inputs(tenant_id))
        result = work(tenant_id)
    except Exception as error:
        context.log.error("%s: tenant %s failed: %s", stage.node, tenant_id, _describe(error))
        _record(warehouse, context, stage, tenant_id, started, error=str(error) or repr(error), how="failed")
        return
    blocked = [check.name for check in result.checks if check.is_blocking and not check.passed]
    error_text = f"blocking checks failed: {', '.join(blocked)}" if blocked else None
    rows = sum(asset.row_count for asset in result.assets)
    how = "gate" if blocked else "done"
    _record(warehouse, context, stage, tenant_id, started, error=error_text, how=how, rows=rows)
    yield from tenant_events(context, result, tenant_id, made_of=made_of, code_version=stage.code_version)


def waits_for(instance: dg.DagsterInstance, warehouse: Warehouse, stage: Stage, tenant_id: str) -> str | None:
    """Why a stage must not start for a tenant yet: a stage before it failed, or has older inputs than there are now.

    The second matters whoever asks for a run: marts of new records and old identities would be of two states.
    """
    if (cause := outcomes.blocked_by(warehouse, tenant_id, stage.upstream_nodes)) is not None:
        return f"{cause} failed for it"
    behind = next((before.node for before in stage.after if before.is_behind(instance, tenant_id)), None)
    return None if behind is None else f"{behind} has not seen its newest inputs yet; run that stage first"


def finish(context: dg.AssetExecutionContext, warehouse: Warehouse) -> Iterator[Event]:
    """End a stage: let the next one start; in the last stage of a run, fail it if any tenant failed on the way.

    Raises dg.Failure. A run is not retried as a whole for its tenants' failures: those stay for the next request.
    """
    yield from release(context)
    if is_followed(context):
        return
    found = outcomes.of_invocation(warehouse, list(context.partition_keys), context.run_id)
    failed = [o for o in found if not o.is_ok and o.stage != "blocked"]
    if failed:
        tenants = sorted({o.tenant_id for o in failed})
        named = "; ".join(f"{o.tenant_id}: {o.node_id}: {o.error}" for o in failed)
        raise dg.Failure(
            f"{len(tenants)} of {len(context.partition_keys)} tenants failed; the others are done. {named}"[:4000],
            metadata={o.tenant_id: dg.MetadataValue.text(f"{o.node_id}: {o.error}"[:2000]) for o in failed[:50]},
            allow_retries=False,
        )


def record_blocked(warehouse: Warehouse, run_id: str, stage: Stage, tenant_id: str, cause: str) -> None:
    """The outcome of a stage that did not start for a tenant."""
    outcomes.record(
        warehouse,
        tenant_id,
        invocation_id=run_id,
        node_id=stage.node,
        is_ok=False,
        stage="blocked",
        duration_ms=0,
        error=cause,
    )


def _record(
    warehouse: Warehouse,
    context: dg.AssetExecutionContext,
    stage: Stage,
    tenant_id: str,
    started: float,
    *,
    error: str | None,
    how: str,
    rows: int | None = None,
) -> None:
    outcomes.record(
        warehouse,
        tenant_id,
        invocation_id=context.run_id,
        node_id=stage.node,
        is_ok=error is None,
        stage=how,
        duration_ms=round(1000 * (time.monotonic() - started)),
        row_count=rows,
        error=error,
    )


def _describe(error: BaseException) -> str:
    """A tenant's data problem is its message; anything else is a defect and shows where it happened."""
    return str(error) if isinstance(error, TenantDataError) else "".join(traceback.format_exception(error))

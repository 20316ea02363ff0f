"""Runs stages from a command, in this process, with the instance the UI looks at.

Belongs here: which tenants a stage is run for, in which chunks, and what came of it. Does not belong here: how that is
shown (`cli/materialize.py`) and the daemon's way (`defs/automation.py`, `defs/backfills.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import dagster as dg

from real_estate_assets.defs.partitions import RANGE_END, RANGE_START, TENANTS, chunks
from real_estate_assets.defs.stages import PLAN, PlannedStage, stale_references, stale_tenants
from real_estate_assets.settings import get_settings
from real_estate_assets.stores.warehouse import Warehouse, outcomes

# The log of a run is read in the UI; a terminal shows what came of it.
QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@dataclass(frozen=True)
class StageRun:
    """One run of a stage.

    failed: tenant -> what happened and what to do; blocked: tenant -> what it waits for.
    """

    stage: str
    run_id: str
    tenant_ids: tuple[str, ...]
    failed: dict[str, str]
    blocked: dict[str, str]
    succeeded: bool


def run_references(instance: dg.DagsterInstance) -> StageRun | None:
    """Load the reference layers that changed; None where none did."""
    keys = stale_references(instance)
    if not keys:
        return None
    job = _job("reference_job")
    result = job.execute_in_process(instance=instance, asset_selection=keys, run_config=QUIET, raise_on_error=False)
    errors = {} if result.success else {"reference": _first_error(result)}
    return StageRun("reference", result.run_id, (), errors, {}, result.success)


def run_stage(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    planned: PlannedStage,
    tenant_ids: Sequence[str],
    *,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[StageRun]:
    """Run one stage for those of the tenants that it is out of date for, chunk by chunk."""
    chosen = list(tenant_ids) if force else stale_tenants(instance, warehouse, planned, tenant_ids)
    for chunk in chunks(instance.get_dynamic_partitions(TENANTS), chosen, get_settings().tenants_per_run):
        tell(f"{planned.name}: {', '.join(chunk)}")
        tags = {RANGE_START: chunk[0], RANGE_END: chunk[-1]}
        result = _job(planned.job_name).execute_in_process(
            instance=instance, tags=tags, run_config=QUIET, raise_on_error=False
        )
        found = outcomes.of_invocation(warehouse, chunk, result.run_id)
        failed = {o.tenant_id: o.error or "" for o in found if not o.is_ok and o.stage != "blocked"}
        blocked = {o.tenant_id: o.error or "" for o in found if not o.is_ok and o.stage == "blocked"}
        if not result.success and not failed:
            failed = dict.fromkeys(chunk, _first_error(result))
        yield StageRun(planned.name, result.run_id, tuple(chunk), failed, blocked, result.success)


def run_all(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    tenant_ids: Sequence[str],
    *,
    stages: Sequence[PlannedStage] = PLAN,
    force: bool = False,
    tell: Callable[[str], None] = lambda _: None,
) -> Iterator[StageRun]:
    """References, then every stage in order, each for the tenants it is out of date for at that moment.

    force: every stage for every tenant; references are loaded only where they changed all the same.
    """
    tell("reference layers")
    references = run_references(instance)
    if references is not None:
        yield references
    for planned in stages:
        yield from run_stage(instance, warehouse, planned, tenant_ids, force=force, tell=tell)


def _job(name: str) -> dg.JobDefinition:
    from real_estate_assets.definitions import defs

    return defs.resolve_job_def(name)


def _first_error(result: dg.ExecuteInProcessResult) -> str:
    for event in result.all_events:
        if event.is_step_failure or event.is_run_failure:
            error = getattr(event.event_specific_data, "error", None)
            if error is not None:
                return str(error.cause.message if error.cause else error.message).strip()
    return "the run failed; its log in the UI says why"

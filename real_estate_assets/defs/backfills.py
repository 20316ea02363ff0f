"""Chunked asset backfills of the tenants whose sources or references changed.

Belongs here: finding them and submitting one backfill a stage that is out of date. Does not belong here: when
(`automation.py`).

Asset backfills, not job backfills, whose runs are not retried: a worker killed in the middle leaves its chunk missing,
and the retry makes it present once.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import dagster as dg

# Not public: Dagster's own UI submits backfills through GraphQL, which would need the webserver to be up.
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.utils import make_new_backfill_id

from real_estate_assets.defs.partitions import TENANTS
from real_estate_assets.defs.resources import WarehouseResource
from real_estate_assets.defs.stages import PLAN, PlannedStage, stale_references, stale_tenants
from real_estate_assets.stores.warehouse.tenants import list_tenants

BACKFILL_TAG = "reos/refresh"
OPEN = [BulkActionStatus.REQUESTED, BulkActionStatus.CANCELING]


def submit_changed(instance: dg.DagsterInstance, asset_graph: BaseAssetGraph) -> dg.SkipReason | list[dg.RunRequest]:
    """Submit what is out of date. References first: tenants are looked at once those are in place.

    Returns run requests for references, or the reason why nothing was asked for; tenants' backfills are submitted.
    """
    references = stale_references(instance)
    if references:
        return [dg.RunRequest(run_key=None, asset_selection=references)]
    if _is_running(instance):
        return dg.SkipReason("the backfill of the last refresh is still running")
    submitted = [
        f"{stages[0].name}: {len(some)} tenants, backfill {submit(instance, asset_graph, stages, some)}"
        for stages, some in _by_first_stale_stage(instance)
        if some
    ]
    return dg.SkipReason("; ".join(submitted) or "every tenant is up to date")


def _by_first_stale_stage(instance: dg.DagsterInstance) -> list[tuple[Sequence[PlannedStage], list[str]]]:
    """For each stage, the tenants of which it is the first that is out of date, with the stages to be run for them.

    Where files look changed only landing is run: it finds out whether they are. If so, the automation asks for the
    rest; a server that tells no dates would otherwise have its tenants' marts built anew every hour.
    """
    warehouse = WarehouseResource().get()
    registered = {tenant.tenant_id for tenant in list_tenants(warehouse)}
    groups: list[tuple[Sequence[PlannedStage], list[str]]] = []
    # A tenant that was removed is a partition until the registry's sensor has looked.
    rest = [tenant_id for tenant_id in instance.get_dynamic_partitions(TENANTS) if tenant_id in registered]
    for first, planned in enumerate(PLAN):
        stale = stale_tenants(instance, warehouse, planned, rest)
        rest = [tenant_id for tenant_id in rest if tenant_id not in stale]
        if not planned.feeds_next:
            # Tenants whose later stages are up to date all the same: those are not made again for this one's sake.
            later = {t for after in PLAN[first + 1 :] for t in stale_tenants(instance, warehouse, after, stale)}
            groups.append(([planned], [tenant_id for tenant_id in stale if tenant_id not in later]))
            stale = [tenant_id for tenant_id in stale if tenant_id in later]
        groups.append((PLAN[:1] if first == 0 else PLAN[first:], stale))
    return groups


def submit(
    instance: dg.DagsterInstance, asset_graph: BaseAssetGraph, stages: Sequence[PlannedStage], tenant_ids: list[str]
) -> str:
    """Submit one backfill of some stages for some tenants; the daemon cuts it into chunks. Returns its id."""
    backfill_id = make_new_backfill_id()
    backfill = PartitionBackfill.from_asset_partitions(
        backfill_id=backfill_id,
        asset_graph=asset_graph,
        partition_names=tenant_ids,
        asset_selection=[key for stage in stages for key in stage.keys],
        backfill_timestamp=time.time(),
        tags={BACKFILL_TAG: stages[0].name},
        dynamic_partitions_store=instance,
        all_partitions=False,
        title=f"refresh from {stages[0].name}",
        description=None,
        run_config=None,
    )
    instance.add_backfill(backfill)
    return backfill_id


def _is_running(instance: dg.DagsterInstance) -> bool:
    return any(
        BACKFILL_TAG in backfill.tags
        for backfill in instance.get_backfills(filters=BulkActionsFilter(statuses=OPEN), limit=50)
    )

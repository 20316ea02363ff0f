"""From Dagster's record of its runs to events of lineage, tenant by tenant.

Belongs here: what happened in a run, for whom. Does not belong here: an event's form (`core/lineage`), its way out
(`stores/lineage`), when this is done (`sensor.py`).

Runs are told from Dagster's event log after the fact. So nothing here can fail or delay a run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import dagster as dg
from dagster import DagsterEventType, RunStatusChangeRecordsFilter

# Not public: the graph that a sensor's context and `Definitions` both give.
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph

from real_estate_assets.core.lineage.columns import mart_columns
from real_estate_assets.core.lineage.datasets import FileDataset, asset_name, tenant_namespace
from real_estate_assets.core.lineage.events import OutputAsset, State, TenantRun, event
from real_estate_assets.defs.partitions import TENANTS
from real_estate_assets.stores.warehouse import Warehouse, outcomes

if TYPE_CHECKING:
    from real_estate_assets.core.provenance.field_map import MappedField
    from real_estate_assets.stores.lineage.outbox import Outbox

STATES: dict[DagsterEventType, State] = {
    DagsterEventType.RUN_START: "START",
    DagsterEventType.RUN_SUCCESS: "COMPLETE",
    DagsterEventType.RUN_FAILURE: "FAIL",
    DagsterEventType.RUN_CANCELED: "ABORT",
}
FILE_READERS = ("landing.", "records.", "reference.")  # assets that are made of files themselves
PARTITION, RANGE_START, RANGE_END = (
    "dagster/partition",
    "dagster/asset_partition_range_start",
    "dagster/asset_partition_range_end",
)


@dataclass(frozen=True)
class Change:
    """A run that started or ended. storage_id: Dagster's number of that event, which only grows."""

    storage_id: int
    run_id: str
    state: State
    at: dt.datetime


@dataclass
class Teller:
    """Tells runs. What it reads of a tenant is read once: one teller lives for one round."""

    instance: dg.DagsterInstance
    graph: BaseAssetGraph
    warehouse: Warehouse
    references_file: Path
    _known: dict[str | None, tuple[list[FileDataset], list[MappedField]]] = field(default_factory=dict)

    def tell(self, outbox: Outbox, limit: int) -> int:
        """Write the events of the next `limit` changes that were not told; returns the number of events."""
        written = 0
        for change in self._changes(outbox.told_until(), limit):
            run = self.instance.get_run_by_id(change.run_id)
            for one in self._parts(run, change) if run is not None else ():
                written += outbox.append(one.tenant_id, [event(one)])
            outbox.tell_until(change.storage_id)
        return written

    def _changes(self, after: int, limit: int) -> list[Change]:
        """The next changes of all kinds in order. A kind with a full page hides what comes behind its last."""
        changes: list[Change] = []
        horizon: int | None = None
        for kind, state in STATES.items():
            wanted = RunStatusChangeRecordsFilter(kind, after_storage_id=after)  # type: ignore[arg-type]
            records = self.instance.fetch_run_status_changes(wanted, limit=limit, ascending=True).records
            changes += [
                Change(r.storage_id, r.run_id, state, dt.datetime.fromtimestamp(r.timestamp, dt.UTC)) for r in records
            ]
            if len(records) == limit:
                horizon = min(horizon or records[-1].storage_id, records[-1].storage_id)
        seen = [change for change in changes if horizon is None or change.storage_id <= horizon]
        return sorted(seen, key=lambda change: change.storage_id)[:limit]

    def _parts(self, run: dg.DagsterRun, change: Change) -> Iterator[TenantRun]:
        """One part for each tenant that the run was for; one without a tenant where it was for the public layers."""
        made: dict[str | None, list[dg.AssetMaterialization]] = {}
        if change.state != "START":
            for one in self._materialized(run.run_id):
                made.setdefault(one.partition, []).append(one)
        tenants = self._tenants(run)
        for tenant_id in dict.fromkeys([*(tenants or [None]), *made]):
            yield self._part(run, change, tenant_id, made.get(tenant_id, []))

    def _part(
        self, run: dg.DagsterRun, change: Change, tenant_id: str | None, made: Sequence[dg.AssetMaterialization]
    ) -> TenantRun:
        state, error = self._outcome(run.run_id, change.state, tenant_id, made)
        files, fields = self._lineage(tenant_id) if made else ([], [])
        outputs = [self._output(one, files, fields) for one in made]
        return TenantRun(
            run_id=run.run_id,
            job_name="assets" if run.job_name.startswith("__ASSET_JOB") else run.job_name,
            tenant_id=tenant_id,
            state=state,
            at=change.at,
            engine_version=dg.__version__,
            inputs=self._inputs(made),
            files=_files_read(outputs, files, tenant_namespace(tenant_id)),
            outputs=outputs,
            error=error,
        )

    def _outcome(
        self, run_id: str, state: State, tenant_id: str | None, made: Sequence[dg.AssetMaterialization]
    ) -> tuple[State, str | None]:
        """The tenant's own outcome: in a run that failed for one tenant the others are done."""
        if state not in ("COMPLETE", "FAIL") or tenant_id is None:
            return state, None
        found = outcomes.of_invocation(self.warehouse, [tenant_id], run_id)
        failed = [f"{one.node_id}: {one.error}" for one in found if not one.is_ok and one.severity == "error"]
        if failed:
            return "FAIL", "; ".join(failed)
        if state == "FAIL" and not made:
            return "FAIL", "the run ended before it had done anything for this tenant"
        return "COMPLETE", None

    def _materialized(self, run_id: str) -> Iterator[dg.AssetMaterialization]:
        kind = DagsterEventType.ASSET_MATERIALIZATION
        cursor, more = None, True
        while more:
            page = self.instance.get_records_for_run(run_id, cursor=cursor, of_type=kind, limit=1000)
            cursor, more = page.cursor, page.has_more
            for record in page.records:
                if (made := record.asset_materialization) is not None:
                    yield made

    def _tenants(self, run: dg.DagsterRun) -> list[str]:
        if PARTITION in run.tags:
            return [run.tags[PARTITION]]
        if RANGE_START not in run.tags:
            return []
        keys = list(self.instance.get_dynamic_partitions(TENANTS))
        bounds = run.tags[RANGE_START], run.tags[RANGE_END]
        if not set(bounds) <= set(keys):  # a tenant that was removed since: what was made still names the others
            return []
        return keys[keys.index(bounds[0]) : keys.index(bounds[1]) + 1]

    def _inputs(self, made: Sequence[dg.AssetMaterialization]) -> list[tuple[str, bool]]:
        """Assets that the run read without making them, and whether each is public."""
        own = {one.asset_key for one in made}
        known = [key for key in own if self.graph.has(key)]
        parents = {parent for key in known for parent in self.graph.get(key).parent_keys} - own
        return [
            (asset_name(parent.path), self.graph.get(parent).partitions_def is None)
            for parent in sorted(parents)
            if self.graph.has(parent)
        ]

    def _output(
        self, made: dg.AssetMaterialization, files: Sequence[FileDataset], fields: Sequence[MappedField]
    ) -> OutputAsset:
        rows = made.metadata.get("dagster/row_count")
        count = rows.value if rows is not None and isinstance(rows.value, int) else None
        path = made.asset_key.path
        is_mart = path[0] == "marts" and made.partition is not None
        columns = mart_columns(path[-1], fields, files, tenant_namespace(made.partition)) if is_mart else {}
        return OutputAsset(asset_name(path), count, columns)

    def _lineage(self, tenant_id: str | None) -> tuple[list[FileDataset], list[MappedField]]:
        """The tenant's files with the public ones, and the fields of the marts; only the public ones for None."""
        from real_estate_assets.core.references import parse_references
        from real_estate_assets.stores.warehouse import lineage

        if tenant_id not in self._known:
            described = parse_references(self.references_file.read_text(encoding="utf-8"), name="references")
            public = lineage.public_files(self.warehouse, described.references)
            if tenant_id is None:
                self._known[None] = public, []
            else:
                own = lineage.tenant_files(self.warehouse, tenant_id)
                self._known[tenant_id] = [*own, *public], lineage.fields_of_marts(self.warehouse, tenant_id)
        return self._known[tenant_id]


def _files_read(outputs: Sequence[OutputAsset], files: Sequence[FileDataset], namespace: str) -> list[FileDataset]:
    """The files that a run of these outputs read: all of its own where it reads files, else those its marts rest on."""
    named = {(c.namespace, c.dataset) for one in outputs for columns in one.columns.values() for c in columns}
    reads_files = any(one.name.startswith(FILE_READERS) for one in outputs)
    return [one for one in files if (one.namespace, one.name) in named or (reads_files and one.namespace == namespace)]

"""A pipeline in small, with the shape of the real one, and the ticks of its sensors without a daemon.

A public layer, landing, two assets of records, two of enrichment, and models that read different ones of those. Before
the models, in their run, stands a calibration of which nothing is made; after them a stage of features that is made of
two models. Belongs here: the pipeline, its ticks and events. Does not belong here: assertions about conditions.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._core.definitions.automation_tick_evaluation_context import AutomationTickEvaluationContext
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._serdes import deserialize_value, serialize_value

from real_estate_assets.defs.conditions import asked_with, follow_changes, make_what_is_missing
from real_estate_assets.defs.per_tenant import Stage

TENANTS = dg.DynamicPartitionsDefinition(name="made_tenants")
LAYER, LANDING, ROLLS, PARCELS, PLACES, SHAPES = (
    dg.AssetKey([name]) for name in ("layer", "landing", "rolls", "parcels", "places", "shapes")
)
MEASURED, FILES, MART, MAP, NUMBERS, TRENDS = (
    dg.AssetKey([name]) for name in ("measured", "files", "mart", "map", "numbers", "trends")
)


def _stage(node: str, keys: list[dg.AssetKey], upstream: list[dg.AssetKey], *after: Stage) -> Stage:
    return Stage(node, "1", upstream=upstream, keys=keys, after=after)


RECORDS = _stage("records", [ROLLS, PARCELS], [LANDING])
ENRICHMENT = _stage("enrichment", [PLACES, SHAPES], [LAYER, ROLLS, PARCELS], RECORDS)
CALIBRATION = _stage("calibration", [MEASURED], [ROLLS, PLACES], RECORDS, ENRICHMENT)
MODELS = _stage(
    "models", [FILES, MART, MAP], [LAYER, LANDING, ROLLS, PARCELS, PLACES, SHAPES], RECORDS, ENRICHMENT
)  # fmt: skip
FEATURES = _stage("features", [NUMBERS, TRENDS], [MART, MAP], MODELS)
WITH_CALIBRATION = asked_with(MEASURED)


def _made(name: str, *specs: dg.AssetSpec, can_subset: bool = False) -> dg.AssetsDefinition:
    @dg.multi_asset(name=name, specs=specs, can_subset=can_subset)
    def made() -> Iterator[dg.MaterializeResult[None]]:
        """Only its conditions are looked at."""
        yield from ()

    return made


def _spec(key: dg.AssetKey, condition: dg.AutomationCondition[dg.AssetKey] | None, *deps: dg.AssetKey) -> dg.AssetSpec:
    partitions = None if key == LAYER else TENANTS
    return dg.AssetSpec(key, deps=deps, automation_condition=condition, partitions_def=partitions)


DEFINITIONS = dg.Definitions(
    assets=[
        _made("public", _spec(LAYER, make_what_is_missing)),
        _made("landing", _spec(LANDING, make_what_is_missing)),
        _made("records", *(_spec(key, follow_changes(key, RECORDS), LANDING) for key in RECORDS.keys)),
        _made(
            "enrichment",
            _spec(PLACES, follow_changes(PLACES, ENRICHMENT), LAYER, ROLLS),
            _spec(SHAPES, follow_changes(SHAPES, ENRICHMENT), PARCELS),
        ),
        _made(
            "calibration", _spec(MEASURED, follow_changes(MEASURED, CALIBRATION, MODELS), ROLLS, PLACES)
        ),
        _made(
            "models",
            _spec(FILES, WITH_CALIBRATION, LANDING, MEASURED),
            _spec(MART, WITH_CALIBRATION, FILES, PLACES, ROLLS, MEASURED),
            _spec(MAP, WITH_CALIBRATION, FILES, SHAPES, MEASURED),
            can_subset=True,
        ),
        _made(
            "features",
            _spec(NUMBERS, follow_changes(NUMBERS, FEATURES), MART),
            _spec(TRENDS, follow_changes(TRENDS, FEATURES), MAP),
        ),
    ]
)  # fmt: skip
GRAPH = DEFINITIONS.resolve_asset_graph()
STAGES = (RECORDS, ENRICHMENT, CALIBRATION, MODELS, FEATURES)
SENSORS = {
    "public": [LAYER],
    "landing": [LANDING],
    "records": RECORDS.keys,
    "enrichment": ENRICHMENT.keys,
    "models": [MEASURED, *MODELS.keys],
    "features": FEATURES.keys,
}
IN_ONE_RUN = ("measured", "files", "mart", "map")


def each(names: Iterable[str], tenants: set[str]) -> dict[str, set[str]]:
    return dict.fromkeys(names, tenants)


class Pipeline:
    """Ticks of one sensor a stage, as the daemon does them, and events as the stages record them."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self._cursors: dict[str, AssetDaemonCursor] = {}

    def tick(self, *sensors: str) -> dict[str, set[str | None]]:
        """Asset -> the partitions that it asks for at one tick of all sensors, or of some."""
        asked: dict[str, set[str | None]] = {}
        for name in sensors or SENSORS:
            asked |= self._tick_of(name)
        return asked

    def _tick_of(self, sensor: str) -> dict[str, set[str | None]]:
        """One tick as the daemon evaluates it. Of a tenant, a sensor asks for one run."""
        ticking = AutomationTickEvaluationContext(
            evaluation_id=1,
            instance=self.instance,
            asset_graph=GRAPH,
            cursor=self._cursors.get(sensor, AssetDaemonCursor.empty()),
            materialize_run_tags={},
            observe_run_tags={},
            emit_backfills=False,
            auto_observe_asset_keys=set(),
            asset_selection=dg.AssetSelection.assets(*SENSORS[sensor]),
            logger=logging.getLogger(__name__),
        )
        requests, cursor, _ = ticking.evaluate()
        self._cursors[sensor] = deserialize_value(serialize_value(cursor), AssetDaemonCursor)
        assert len({request.partition_key for request in requests}) == len(requests)
        asked: dict[str, set[str | None]] = {}
        for request in requests:
            for key in request.asset_selection or ():
                asked.setdefault(key.to_user_string(), set()).add(request.partition_key)
        return asked

    def made(self, tenant: str | None, version: str, *keys: dg.AssetKey) -> None:
        """Record that assets were made for a tenant, with a content."""
        for key in keys:
            tags = {"dagster/data_version": version}
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=tenant, tags=tags))

    def onboard(self, *tenants: str) -> None:
        """Everything made once, and seen."""
        self.instance.add_dynamic_partitions("made_tenants", list(tenants))
        self.made(None, "1", LAYER)
        for tenant in tenants:
            self.made(tenant, "1", LANDING, *(key for stage in STAGES for key in stage.keys))
        self.tick()

    def bring(self, tenant: str, version: str) -> None:
        """A file of a new or an old tenant is landed, and its records are made and seen; enrichment is asked for."""
        if tenant not in self.instance.get_dynamic_partitions("made_tenants"):
            self.instance.add_dynamic_partitions("made_tenants", [tenant])
            self.tick()
        self.made(tenant, version, LANDING)
        self.tick()
        self.made(tenant, version, ROLLS, PARCELS)
        assert self.tick() == each(("places", "shapes"), {tenant})

    def being_made(self, tenant: str, *keys: dg.AssetKey) -> Callable[[], None]:
        """As long as the daemon has not seen the end of a backfill. Returns what ends it."""
        backfill = PartitionBackfill.from_asset_partitions(
            backfill_id=f"of_{keys[0].to_user_string()}",
            asset_graph=GRAPH,
            partition_names=[tenant],
            asset_selection=list(keys),
            backfill_timestamp=0.0,
            tags={},
            dynamic_partitions_store=self.instance,
            all_partitions=False,
            title=None,
            description=None,
            run_config=None,
        )
        self.instance.add_backfill(backfill)
        ended = backfill.with_status(BulkActionStatus.COMPLETED_SUCCESS)
        return lambda: self.instance.update_backfill(ended)

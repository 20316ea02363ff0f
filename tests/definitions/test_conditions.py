"""When a stage asks to be made: in turn, whole, and not for the same content made again.

A pipeline in small, with the shape of the real one: a public layer, landing, two assets of records, two of enrichment,
and models that read different ones of those. Before the models, in their run, stands a calibration of which nothing is
made; after them a stage of features that is made of two models.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from unittest.mock import patch

import dagster as dg
import pytest
from dagster._core.definitions.asset_daemon_cursor import AssetDaemonCursor
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.automation_tick_evaluation_context import AutomationTickEvaluationContext
from dagster._core.definitions.declarative_automation.automation_context import AutomationContext
from dagster._core.definitions.declarative_automation.operators.dep_operators import EntityMatchesCondition
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._serdes import deserialize_value, serialize_value

from real_estate_assets.defs.conditions import asked_with, follow_changes, make_what_is_missing
from real_estate_assets.defs.per_tenant import Stage
from real_estate_assets.stores.dagster_home import TICK_SETTLE

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


def _each(names: Iterable[str], tenants: set[str]) -> dict[str, set[str]]:
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
        assert self.tick() == _each(("places", "shapes"), {tenant})

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


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    from real_estate_assets.definitions import defs

    return defs.resolve_asset_graph()


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def test_public_layers_are_made_before_anybody_asks(pipeline: Pipeline) -> None:
    assert pipeline.tick() == {"layer": {None}}
    assert pipeline.tick() == {}, "asked for once, whatever came of it"


def test_a_new_tenant_goes_through_stage_by_stage_and_each_stage_whole(pipeline: Pipeline) -> None:
    pipeline.onboard("old")
    pipeline.instance.add_dynamic_partitions("made_tenants", ["new", "newer"])
    both = {"new", "newer"}
    assert pipeline.tick() == {"landing": both}
    pipeline.made("new", "1", LANDING)
    pipeline.made("newer", "1", LANDING)
    assert pipeline.tick() == _each(("rolls", "parcels"), both)
    for tenant in both:
        pipeline.made(tenant, "1", ROLLS, PARCELS)
    assert pipeline.tick() == _each(("places", "shapes"), both), "no model yet, not even one that reads no place"
    pipeline.made("new", "1", PLACES, SHAPES)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"new"})
    pipeline.made("newer", "1", PLACES, SHAPES)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"newer"})
    pipeline.made("new", "1", MEASURED, FILES, MART, MAP)
    assert pipeline.tick() == _each(("numbers", "trends"), {"new"})
    pipeline.made("new", "1", NUMBERS, TRENDS)
    assert [pipeline.tick() for _ in range(2)] == [{}, {}]


def test_nothing_is_asked_for_while_a_public_layer_is_missing(pipeline: Pipeline) -> None:
    pipeline.tick()
    pipeline.instance.add_dynamic_partitions("made_tenants", ["new"])
    pipeline.tick()
    pipeline.made("new", "1", LANDING, ROLLS, PARCELS)
    assert pipeline.tick() == {}
    pipeline.made(None, "1", LAYER)
    assert pipeline.tick() == _each(("places", "shapes"), {"new"})


def test_a_tenant_whose_landing_failed_is_not_asked_for_at_every_tick(pipeline: Pipeline) -> None:
    pipeline.onboard("old")
    pipeline.instance.add_dynamic_partitions("made_tenants", ["failing"])
    assert pipeline.tick() == {"landing": {"failing"}}
    assert [pipeline.tick() for _ in range(3)] == [{}, {}, {}]


def test_the_same_content_made_again_asks_for_nothing(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    for stage in ([LANDING], RECORDS.keys, ENRICHMENT.keys, [MEASURED, *MODELS.keys]):
        pipeline.made("acme", "1", *stage)
        assert pipeline.tick() == {}


def test_a_changed_file_is_followed_in_turn_for_its_tenant_alone(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    acme = {"acme"}
    pipeline.made("acme", "2", LANDING)
    assert pipeline.tick() == _each(("rolls", "parcels"), acme)
    assert pipeline.tick() == {}
    pipeline.made("acme", "2", ROLLS)
    pipeline.made("acme", "1", PARCELS)
    assert pipeline.tick() == _each(("places", "shapes"), acme)
    pipeline.made("acme", "2", PLACES, SHAPES)
    assert pipeline.tick() == _each(IN_ONE_RUN, acme), "at one tick, so in one run"
    pipeline.made("acme", "2", MEASURED, *MODELS.keys)
    assert pipeline.tick() == _each(("numbers", "trends"), acme)
    pipeline.made("acme", "2", *FEATURES.keys)
    assert [pipeline.tick() for _ in range(2)] == [{}, {}]


def test_records_with_the_same_content_let_the_models_follow_the_files(pipeline: Pipeline) -> None:
    """Another licence, say: places need not be made again, and the models that list the files must."""
    pipeline.onboard("acme")
    pipeline.made("acme", "2", LANDING)
    pipeline.tick()
    pipeline.made("acme", "1", ROLLS, PARCELS)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"acme"})


def test_models_wait_for_an_enrichment_of_which_the_deciding_asset_reads_nothing_new(pipeline: Pipeline) -> None:
    """Other parcels only: the calibration and half of the enrichment do not read them, and yet all come in turn."""
    pipeline.onboard("acme")
    pipeline.made("acme", "2", PARCELS)
    assert pipeline.tick() == _each(("places", "shapes"), {"acme"})
    pipeline.made("acme", "2", SHAPES, PLACES)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"acme"})


def test_a_tenant_whose_records_failed_keeps_its_models(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.made("acme", "2", LANDING)
    pipeline.tick()
    assert [pipeline.tick() for _ in range(3)] == [{}, {}, {}]
    pipeline.made("acme", "3", LANDING)
    assert set(pipeline.tick()) == {"rolls", "parcels"}, "the repaired file is read"


def test_a_tenant_whose_enrichment_failed_keeps_its_models(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    pipeline.bring("acme", "2")
    assert [pipeline.tick() for _ in range(3)] == [{}, {}, {}]
    pipeline.made("cedar", "2", *ENRICHMENT.keys)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"cedar"}), "and holds nobody else back"


def test_features_wait_for_models_that_have_not_followed_yet(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.bring("acme", "2")
    pipeline.made("acme", "2", MART)  # made by hand, of what was there before
    assert pipeline.tick() == {}
    pipeline.made("acme", "2", *ENRICHMENT.keys)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"acme"})
    pipeline.made("acme", "3", MEASURED, *MODELS.keys)
    assert pipeline.tick() == _each(("numbers", "trends"), {"acme"})


def test_a_changed_public_layer_concerns_every_tenant(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    pipeline.made(None, "2", LAYER)
    both = {"acme", "cedar"}
    assert pipeline.tick() == _each(("places", "shapes"), both)
    for tenant in both:
        pipeline.made(tenant, "2", PLACES, SHAPES)
    assert pipeline.tick() == _each(IN_ONE_RUN, both)


def test_a_calibration_that_failed_holds_no_model_back(pipeline: Pipeline) -> None:
    pipeline.onboard("old")
    pipeline.bring("new", "1")
    pipeline.made("new", "1", PLACES, SHAPES)
    pipeline.tick()
    pipeline.made("new", "1", *MODELS.keys)  # and nothing was measured
    assert pipeline.tick() == _each(("numbers", "trends"), {"new"})
    assert pipeline.tick() == {}
    pipeline.bring("new", "2")
    pipeline.made("new", "2", PLACES, SHAPES)
    assert pipeline.tick() == _each(IN_ONE_RUN, {"new"})


def test_other_parameters_ask_for_no_model(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.made("acme", "2", MEASURED)
    assert pipeline.tick() == {}


def test_an_input_of_one_model_that_is_still_being_made_holds_the_whole_stage_back(pipeline: Pipeline) -> None:
    """Seen: a backfill's own record, kept by the daemon asset by asset, lagged behind for one asset of enrichment.

    The models that read that asset were left out for one tenant, and the stage was cut into three runs.
    """
    pipeline.onboard("old")
    pipeline.bring("new", "1")
    end = pipeline.being_made("new", SHAPES)
    pipeline.made("new", "1", PLACES, SHAPES)
    assert pipeline.tick() == {}
    end()
    assert pipeline.tick() == _each(IN_ONE_RUN, {"new"})
    assert pipeline.tick() == {}


def test_no_stage_is_asked_for_while_any_part_of_it_is_being_made(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.bring("acme", "2")
    end = pipeline.being_made("acme", MAP)
    pipeline.made("acme", "2", PLACES, SHAPES)
    assert pipeline.tick() == {}
    end()
    assert pipeline.tick() == _each(IN_ONE_RUN, {"acme"}), "what changed meanwhile is followed afterwards"


class Looks:
    """Does something before one look of an evaluation, as if another process had written just then."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self._before: dict[int, Callable[[], None]] = {}
        evaluate = AutomationContext.evaluate_async

        async def counted(context: AutomationContext) -> object:
            self.count += 1
            self._before.pop(self.count, lambda: None)()
            return await evaluate(context)

        patch.setattr(AutomationContext, "evaluate_async", counted)

    def start(self, at: int = 0, do: Callable[[], None] = lambda: None) -> None:
        """Count from here, and do something before that look."""
        self.count, self._before = 0, {at: do}


@pytest.mark.parametrize(
    ("sensor", "earlier", "inputs"),
    [
        ("records", [], [LANDING]),
        ("enrichment", [LANDING], RECORDS.keys),
        ("models", [LANDING, *RECORDS.keys], ENRICHMENT.keys),
        ("features", [LANDING, *RECORDS.keys, *ENRICHMENT.keys], [MEASURED, *MODELS.keys]),
    ],
)
def test_an_event_between_any_two_looks_of_a_tick_cuts_no_stage(
    pipeline: Pipeline,
    monkeypatch: pytest.MonkeyPatch,
    sensor: str,
    earlier: list[dg.AssetKey],
    inputs: list[dg.AssetKey],
) -> None:
    """The last input of a stage for a new tenant is stored while the sensor that decides about the stage is looking."""
    looks = Looks(monkeypatch)
    pipeline.onboard("old")
    looks.start()
    pipeline.tick(sensor)
    number = looks.count
    assert number > 10 * len(inputs)
    moments = [1 + number * n // 8 for n in range(8)]
    tenants = [f"tenant{n}" for n in range(len(moments))]
    pipeline.instance.add_dynamic_partitions("made_tenants", tenants)
    for tenant in tenants:
        pipeline.made(tenant, "1", *earlier)
    pipeline.tick()
    for tenant, moment in zip(tenants, moments, strict=True):
        pipeline.made(tenant, "1", *inputs[:-1])
        looks.start(moment, partial(pipeline.made, tenant, "1", inputs[-1]))
        asked = [one for _ in range(3) if (one := pipeline.tick(sensor))]
        whole = (key.to_user_string() for key in SENSORS[sensor])
        assert asked == [_each(whole, {tenant})], f"look {moment} of {number}"


def test_an_event_that_is_half_stored_when_a_tick_begins_is_not_lost(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dagster stores it in two transactions; without the wait nobody would ever ask for the tenant."""
    pipeline.onboard("acme")
    monkeypatch.setenv(*TICK_SETTLE)
    storage, late = pipeline.instance.event_log_storage, []
    with patch.object(storage, "_store_asset_event", lambda _, *event: late.append(event)):
        pipeline.made("acme", "2", LANDING)

    def finish(_: float) -> None:
        with storage.index_transaction() as connection:
            storage._store_asset_event(connection, *late.pop())

    with patch("time.sleep", finish):
        assert pipeline.tick("records") == _each(("rolls", "parcels"), {"acme"})
    with patch("time.sleep"):
        assert pipeline.tick("records") == {}


def test_one_asset_of_the_code_location_decides_for_all_that_are_made_with_it(graph: AssetGraph) -> None:
    """And Dagster looks at it before it looks at those that are asked for with it."""
    level = {key: number for number, keys in enumerate(graph.toposorted_entity_keys_by_level) for key in keys}
    will_be_requested = type(dg.AutomationCondition.will_be_requested())
    for key in graph.materializable_asset_keys:
        if graph.get(key).partitions_def is None:
            continue
        name = key.to_user_string()
        together = {one for one in graph.get(key).execution_set_entity_keys if isinstance(one, dg.AssetKey)} | {key}
        conditions = [c for one in together if (c := graph.get(one).automation_condition) is not None]
        assert len(conditions) == 1, f"{name}: one of the {len(together)} that are made together decides"
        if isinstance(conditions[0], EntityMatchesCondition):
            assert isinstance(conditions[0].operand, will_be_requested), name
            assert level[conditions[0].key] < level[key], f"{name} is looked at before the one that decides for it"


def test_the_models_of_the_stage_are_those_that_dbt_makes() -> None:
    from real_estate_assets.defs.warehouse.assets import warehouse_models
    from real_estate_assets.defs.warehouse.stage import STAGE

    assert set(STAGE.keys) == set(warehouse_models.keys)

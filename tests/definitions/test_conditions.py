"""When a stage asks to be made: in turn, whole, and not for the same content made again."""

from collections.abc import Callable
from functools import partial
from unittest.mock import patch

import dagster as dg
import pytest
from dagster._core.definitions.declarative_automation.automation_context import AutomationContext

from real_estate_assets.stores.dagster_home import TICK_SETTLE
from tests.made_pipeline import (
    ENRICHMENT,
    FEATURES,
    FILES,
    IN_ONE_RUN,
    LANDING,
    LAYER,
    MAP,
    MART,
    MEASURED,
    MODELS,
    NUMBERS,
    PARCELS,
    PLACES,
    RECORDS,
    ROLLS,
    SENSORS,
    SHAPES,
    TRENDS,
    Pipeline,
    each,
)


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
    assert pipeline.tick() == each(("rolls", "parcels"), both)
    for tenant in both:
        pipeline.made(tenant, "1", ROLLS, PARCELS)
    assert pipeline.tick() == each(("places", "shapes"), both), "no model yet, not even one that reads no place"
    pipeline.made("new", "1", PLACES, SHAPES)
    assert pipeline.tick() == each(IN_ONE_RUN, {"new"})
    pipeline.made("newer", "1", PLACES, SHAPES)
    assert pipeline.tick() == each(IN_ONE_RUN, {"newer"})
    pipeline.made("new", "1", MEASURED, FILES, MART, MAP)
    assert pipeline.tick() == each(("numbers", "trends"), {"new"})
    pipeline.made("new", "1", NUMBERS, TRENDS)
    assert [pipeline.tick() for _ in range(2)] == [{}, {}]


def test_nothing_is_asked_for_while_a_public_layer_is_missing(pipeline: Pipeline) -> None:
    pipeline.tick()
    pipeline.instance.add_dynamic_partitions("made_tenants", ["new"])
    pipeline.tick()
    pipeline.made("new", "1", LANDING, ROLLS, PARCELS)
    assert pipeline.tick() == {}
    pipeline.made(None, "1", LAYER)
    assert pipeline.tick() == each(("places", "shapes"), {"new"})


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
    assert pipeline.tick() == each(("rolls", "parcels"), acme)
    assert pipeline.tick() == {}
    pipeline.made("acme", "2", ROLLS)
    pipeline.made("acme", "1", PARCELS)
    assert pipeline.tick() == each(("places", "shapes"), acme)
    pipeline.made("acme", "2", PLACES, SHAPES)
    assert pipeline.tick() == each(IN_ONE_RUN, acme), "at one tick, so in one run"
    pipeline.made("acme", "2", MEASURED, *MODELS.keys)
    assert pipeline.tick() == each(("numbers", "trends"), acme)
    pipeline.made("acme", "2", *FEATURES.keys)
    assert [pipeline.tick() for _ in range(2)] == [{}, {}]


def test_records_with_the_same_content_let_the_models_follow_the_files(pipeline: Pipeline) -> None:
    """Another licence, say: places need not be made again, and the models that list the files must."""
    pipeline.onboard("acme")
    pipeline.made("acme", "2", LANDING)
    pipeline.tick()
    pipeline.made("acme", "1", ROLLS, PARCELS)
    assert pipeline.tick() == each(IN_ONE_RUN, {"acme"})


def test_models_wait_for_an_enrichment_of_which_the_deciding_asset_reads_nothing_new(pipeline: Pipeline) -> None:
    """Other parcels only: the calibration and half of the enrichment do not read them, and yet all come in turn."""
    pipeline.onboard("acme")
    pipeline.made("acme", "2", PARCELS)
    assert pipeline.tick() == each(("places", "shapes"), {"acme"})
    pipeline.made("acme", "2", SHAPES, PLACES)
    assert pipeline.tick() == each(IN_ONE_RUN, {"acme"})


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
    assert pipeline.tick() == each(IN_ONE_RUN, {"cedar"}), "and holds nobody else back"


def test_features_wait_for_models_that_have_not_followed_yet(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.bring("acme", "2")
    pipeline.made("acme", "2", MART)  # made by hand, of what was there before
    assert pipeline.tick() == {}
    pipeline.made("acme", "2", *ENRICHMENT.keys)
    assert pipeline.tick() == each(IN_ONE_RUN, {"acme"})
    pipeline.made("acme", "3", MEASURED, *MODELS.keys)
    assert pipeline.tick() == each(("numbers", "trends"), {"acme"})


def test_a_changed_public_layer_concerns_every_tenant(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    pipeline.made(None, "2", LAYER)
    both = {"acme", "cedar"}
    assert pipeline.tick() == each(("places", "shapes"), both)
    for tenant in both:
        pipeline.made(tenant, "2", PLACES, SHAPES)
    assert pipeline.tick() == each(IN_ONE_RUN, both)


def test_a_calibration_that_failed_holds_no_model_back(pipeline: Pipeline) -> None:
    pipeline.onboard("old")
    pipeline.bring("new", "1")
    pipeline.made("new", "1", PLACES, SHAPES)
    pipeline.tick()
    pipeline.made("new", "1", *MODELS.keys)  # and nothing was measured
    assert pipeline.tick() == each(("numbers", "trends"), {"new"})
    assert pipeline.tick() == {}
    pipeline.bring("new", "2")
    pipeline.made("new", "2", PLACES, SHAPES)
    assert pipeline.tick() == each(IN_ONE_RUN, {"new"})


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
    assert pipeline.tick() == each(IN_ONE_RUN, {"new"})
    assert pipeline.tick() == {}


def test_no_stage_is_asked_for_while_any_part_of_it_is_being_made(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.bring("acme", "2")
    end = pipeline.being_made("acme", MAP)
    pipeline.made("acme", "2", PLACES, SHAPES)
    assert pipeline.tick() == {}
    end()
    assert pipeline.tick() == each(IN_ONE_RUN, {"acme"}), "what changed meanwhile is followed afterwards"


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
        assert asked == [each(whole, {tenant})], f"look {moment} of {number}"


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
        assert pipeline.tick("records") == each(("rolls", "parcels"), {"acme"})
    with patch("time.sleep"):
        assert pipeline.tick("records") == {}

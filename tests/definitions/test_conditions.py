"""When a stage asks to be made: in turn, whole, and not for the same content made again.

A pipeline in small, with the shape of the real one: a public layer, landing, two assets of records, enrichment, and two
models of which one does not read what enrichment makes. Beside them stands a calibration of which nothing is made.
"""

import dagster as dg
import pytest

from real_estate_assets.defs.conditions import follow_changes, make_what_is_missing

TENANTS = dg.DynamicPartitionsDefinition(name="made_tenants")
LAYER, LANDING, ROLLS, PARCELS, PLACES, MEASURED, FILES, MART = (
    dg.AssetKey([name]) for name in ("layer", "landing", "rolls", "parcels", "places", "measured", "files", "mart")
)
AFTER_LANDING, AFTER_RECORDS = follow_changes([LANDING]), follow_changes([LAYER, ROLLS, PARCELS], after=[ROLLS])
MODELS = follow_changes([LAYER, LANDING, ROLLS, PARCELS, PLACES], after=[ROLLS, PLACES], beside=[MEASURED])
CALIBRATION = follow_changes([ROLLS, PLACES], after=[ROLLS, PLACES])
SPECS = [
    dg.AssetSpec(LAYER, automation_condition=make_what_is_missing),
    dg.AssetSpec(LANDING, automation_condition=make_what_is_missing, partitions_def=TENANTS),
    dg.AssetSpec(ROLLS, deps=[LANDING], automation_condition=AFTER_LANDING, partitions_def=TENANTS),
    dg.AssetSpec(PARCELS, deps=[LANDING], automation_condition=AFTER_LANDING, partitions_def=TENANTS),
    dg.AssetSpec(PLACES, deps=[LAYER, ROLLS, PARCELS], automation_condition=AFTER_RECORDS, partitions_def=TENANTS),
    dg.AssetSpec(MEASURED, deps=[ROLLS, PLACES], automation_condition=CALIBRATION, partitions_def=TENANTS),
    dg.AssetSpec(FILES, deps=[LANDING], automation_condition=MODELS, partitions_def=TENANTS),
    dg.AssetSpec(MART, deps=[FILES, PLACES, ROLLS, MEASURED], automation_condition=MODELS, partitions_def=TENANTS),
]
STAGES = {
    "public": [LAYER],
    "landing": [LANDING],
    "records": [ROLLS, PARCELS],
    "places": [PLACES],
    "models": [MEASURED, FILES, MART],
}


def _asset(spec: dg.AssetSpec) -> dg.AssetsDefinition:
    @dg.multi_asset(name=spec.key.path[0], specs=[spec])
    def made() -> None:
        """Only its condition is looked at."""

    return made


DEFINITIONS = dg.Definitions(assets=[_asset(spec) for spec in SPECS])


class Pipeline:
    """Ticks of one sensor a stage, as the daemon does them, and events as the stages record them."""

    def __init__(self) -> None:
        self.instance = dg.DagsterInstance.ephemeral()
        self._cursors: dict[str, object] = {}

    def tick(self) -> dict[str, set[str | None]]:
        """Asset -> the partitions that it asks for at one tick of all sensors."""
        asked: dict[str, set[str | None]] = {}
        for stage, keys in STAGES.items():
            found = dg.evaluate_automation_conditions(
                DEFINITIONS,
                self.instance,
                asset_selection=dg.AssetSelection.assets(*keys),
                cursor=self._cursors.get(stage),
            )
            self._cursors[stage] = found.cursor
            for key in keys:
                if wanted := found.get_requested_partitions(key):
                    asked[key.to_user_string()] = set(wanted)
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
            self.made(tenant, "1", LANDING, ROLLS, PARCELS, PLACES, MEASURED, FILES, MART)
        self.tick()
        self.tick()


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
    assert pipeline.tick() == {"rolls": both, "parcels": both}
    for tenant in both:
        pipeline.made(tenant, "1", ROLLS, PARCELS)
    assert pipeline.tick() == {"places": both}, "no model yet, not even the one that reads nothing of places"
    pipeline.made("new", "1", PLACES)
    assert pipeline.tick() == {"measured": {"new"}, "files": {"new"}, "mart": {"new"}}
    pipeline.made("newer", "1", PLACES)
    assert pipeline.tick() == {"measured": {"newer"}, "files": {"newer"}, "mart": {"newer"}}


def test_nothing_is_asked_for_while_a_public_layer_is_missing(pipeline: Pipeline) -> None:
    pipeline.tick()
    pipeline.instance.add_dynamic_partitions("made_tenants", ["new"])
    pipeline.tick()
    pipeline.made("new", "1", LANDING, ROLLS, PARCELS)
    assert pipeline.tick() == {}
    pipeline.made(None, "1", LAYER)
    assert pipeline.tick() == {"places": {"new"}}


def test_a_tenant_whose_landing_failed_is_not_asked_for_at_every_tick(pipeline: Pipeline) -> None:
    pipeline.onboard("old")
    pipeline.instance.add_dynamic_partitions("made_tenants", ["failing"])
    assert pipeline.tick() == {"landing": {"failing"}}
    assert [pipeline.tick() for _ in range(3)] == [{}, {}, {}]


def test_the_same_content_made_again_asks_for_nothing(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    pipeline.made("acme", "1", LANDING)
    assert pipeline.tick() == {}
    pipeline.made("acme", "1", ROLLS, PARCELS)
    assert pipeline.tick() == {}


def test_a_changed_file_is_followed_in_turn_for_its_tenant_alone(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    acme = {"acme"}
    pipeline.made("acme", "2", LANDING)
    assert pipeline.tick() == {"rolls": acme, "parcels": acme}
    assert pipeline.tick() == {}
    pipeline.made("acme", "2", ROLLS)
    pipeline.made("acme", "1", PARCELS)
    assert pipeline.tick() == {"places": acme}
    pipeline.made("acme", "2", PLACES)
    assert pipeline.tick() == {"measured": acme, "files": acme, "mart": acme}, "at one tick, so in one run"
    pipeline.made("acme", "2", MEASURED, FILES, MART)
    assert [pipeline.tick() for _ in range(2)] == [{}, {}]


def test_records_with_the_same_content_let_the_models_follow_the_files(pipeline: Pipeline) -> None:
    """Another licence, say: places need not be made again, and the models that list the files must."""
    pipeline.onboard("acme")
    pipeline.made("acme", "2", LANDING)
    pipeline.tick()
    pipeline.made("acme", "1", ROLLS, PARCELS)
    assert pipeline.tick() == {"files": {"acme"}, "mart": {"acme"}}


def test_a_tenant_whose_records_failed_keeps_its_models(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.made("acme", "2", LANDING)
    pipeline.tick()
    assert [pipeline.tick() for _ in range(3)] == [{}, {}, {}]
    pipeline.made("acme", "3", LANDING)
    assert set(pipeline.tick()) == {"rolls", "parcels"}, "the repaired file is read"


def test_a_changed_public_layer_concerns_every_tenant(pipeline: Pipeline) -> None:
    pipeline.onboard("acme", "cedar")
    pipeline.made(None, "2", LAYER)
    both = {"acme", "cedar"}
    assert pipeline.tick() == {"places": both}
    for tenant in both:
        pipeline.made(tenant, "2", PLACES)
    assert pipeline.tick() == {"measured": both, "files": both, "mart": both}


def test_a_calibration_that_failed_holds_no_model_back(pipeline: Pipeline) -> None:
    pipeline.onboard("old")
    pipeline.instance.add_dynamic_partitions("made_tenants", ["new"])
    pipeline.tick()
    pipeline.made("new", "1", LANDING)
    pipeline.tick()
    pipeline.made("new", "1", ROLLS, PARCELS)
    pipeline.tick()
    pipeline.made("new", "1", PLACES)
    pipeline.tick()
    pipeline.made("new", "1", FILES, MART)  # and nothing was measured
    assert pipeline.tick() == {}
    pipeline.made("new", "2", LANDING)
    pipeline.tick()
    pipeline.made("new", "2", ROLLS)
    pipeline.tick()
    pipeline.made("new", "2", PLACES)
    assert pipeline.tick() == {"measured": {"new"}, "files": {"new"}, "mart": {"new"}}


def test_other_parameters_ask_for_no_model(pipeline: Pipeline) -> None:
    pipeline.onboard("acme")
    pipeline.made("acme", "2", MEASURED)
    assert pipeline.tick() == {}

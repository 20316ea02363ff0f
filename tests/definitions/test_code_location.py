"""The code location as webserver and daemon load it: from workspace.yaml, with no secret and no server in reach."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.assets.graph.asset_graph import AssetGraph
from dagster._core.definitions.declarative_automation.operators.dep_operators import EntityMatchesCondition

from real_estate_assets.settings import PROJECT_ROOT, Settings
from tests.made_manifest import bring_manifest

SECONDS = 240  # it takes under 4 s on a quiet machine
HEAVY = (
    "great_expectations",
    "geopandas",
    "pandas",
    "polars",
    "shapely",
    "pyproj",
    "pyogrio",
    "doorplate",
    "obstore",
    "numpy",
    "xgboost",
    "shap",
    "feast",
    "dice_ml",
    "qdrant_client",
    "neo4j",
    "matplotlib",
    "psycopg",
    "boto3",
)


@pytest.fixture
def bare_environment(tmp_path: Path) -> dict[str, str]:
    """No cluster, no password, no home: what a build server has, once it has parsed the dbt project."""
    bare = Settings(environment="test", state_dir=tmp_path / "state")
    bring_manifest(bare.state_dir)
    kept = {
        name: os.environ[name]
        for name in ("PATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")
        if name in os.environ
    }
    return {**kept, "HOME": str(tmp_path), "DAGSTER_HOME": str(tmp_path), "REOS_STATE_DIR": str(bare.state_dir)}


def test_validates_from_the_workspace_without_any_server(bare_environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "dagster", "definitions", "validate", "-w", str(PROJECT_ROOT / "workspace.yaml")]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=bare_environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Validation successful for code location real_estate_os" in done.stdout + done.stderr


def test_loading_imports_no_heavy_library(bare_environment: dict[str, str]) -> None:
    code = (
        "import json, sys\n"
        "from real_estate_assets.definitions import defs\n"
        "defs.get_repository_def().asset_graph\n"
        "print(json.dumps(sorted(sys.modules)))"
    )
    command = [sys.executable, "-W", "ignore", "-c", code]
    done = subprocess.run(
        command, cwd=PROJECT_ROOT, env=bare_environment, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "dagster_dbt" in loaded  # the list is of the process that loaded it
    assert loaded.isdisjoint(HEAVY), sorted(loaded & set(HEAVY))


@pytest.fixture(scope="module")
def graph() -> AssetGraph:
    from real_estate_assets.definitions import defs

    return defs.get_repository_def().asset_graph


STAGES = {"reference", "landing", "records", "enrichment", "trust", "intermediate", "marts", "features", "valuation"}


def _own(graph: AssetGraph) -> list[dg.AssetKey]:
    return sorted(graph.materializable_asset_keys)


def test_every_asset_belongs_to_a_stage_and_every_stage_has_assets(graph: AssetGraph) -> None:
    assert {key.path[0] for key in _own(graph)} == STAGES
    assert graph.external_asset_keys == set(), "an asset that nobody makes holds its dependents back for ever"


def test_every_asset_says_what_it_is(graph: AssetGraph) -> None:
    for key in _own(graph):
        node, name = graph.get(key), key.to_user_string()
        assert node.group_name[:1] == "g", name
        assert node.group_name[1].isdigit(), f"{name}: groups are numbered in the order of the pipeline"
        assert node.owners, name
        assert node.kinds, name
        assert node.description, name
        assert len(node.description) > 40, name
        assert node.code_version, name


def test_groups_follow_each_other_along_every_dependency(graph: AssetGraph) -> None:
    for key in _own(graph):
        for parent in graph.get(key).parent_keys:
            assert graph.get(parent).group_name <= graph.get(key).group_name, f"{key} before {parent}"


def test_tenants_are_the_partitions_of_all_but_public_layers(graph: AssetGraph) -> None:
    from real_estate_assets.defs.partitions import tenants

    for key in _own(graph):
        expected = None if key.path[0] == "reference" else tenants
        assert graph.get(key).partitions_def == expected, key


def test_backfills_are_cut_into_chunks(graph: AssetGraph) -> None:
    for key in _own(graph):
        if key.path[0] != "reference":
            policy = graph.get(key).backfill_policy
            assert policy is not None, key
            assert policy.max_partitions_per_run == 25, key


def test_every_asset_runs_by_itself_and_every_stage_has_a_sensor_of_its_own(graph: AssetGraph) -> None:
    from real_estate_assets.definitions import defs

    asked = {key for key in _own(graph) if graph.get(key).automation_condition is not None}
    with_them = {one for key in asked for one in graph.get(key).execution_set_entity_keys}
    assert set(_own(graph)) - asked - with_them == set()
    sensors = [
        s for s in defs.get_repository_def().sensor_defs if isinstance(s, dg.AutomationConditionSensorDefinition)
    ]
    targets = {s.name: s.asset_selection.resolve(graph) for s in sensors}
    assert {key for keys in targets.values() for key in keys} == set(_own(graph))
    assert sum(len(keys) for keys in targets.values()) == len(_own(graph)), "an asset is looked at by two sensors"
    assert all(s.default_status == dg.DefaultSensorStatus.RUNNING for s in sensors)


def test_one_asset_decides_for_all_that_are_made_with_it(graph: AssetGraph) -> None:
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


def test_every_check_is_of_one_tenant(graph: AssetGraph) -> None:
    from real_estate_assets.defs.partitions import tenants

    keys = sorted(graph.asset_check_keys, key=str)
    assert len(keys) > 30
    for key in keys:
        assert graph.get(key).partitions_def == tenants, f"{key}: one tenant's pass would hide another's failure"


def test_the_marts_stand_after_the_calibration_and_are_not_made_of_it(graph: AssetGraph) -> None:
    from real_estate_assets.defs.trust.calibration import STAGE as CALIBRATION
    from real_estate_assets.defs.trust.keys import ALL as TRUST
    from real_estate_assets.defs.warehouse.assets import STAGE as WAREHOUSE

    marts = [key for key in _own(graph) if key.path[0] == "marts"]
    assert len(marts) > 10
    for key in marts:
        assert set(TRUST) <= graph.get(key).parent_keys, f"{key} may be made before the calibration of the same run"
    assert set(TRUST).isdisjoint(WAREHOUSE.upstream), "another parameter would make every mart anew"
    assert CALIBRATION.node not in WAREHOUSE.upstream_nodes, "a calibration that fails would hold the marts back"
    assert CALIBRATION not in WAREHOUSE.after


def test_every_mart_is_audited_daily_for_every_tenant(graph: AssetGraph) -> None:
    from real_estate_assets.definitions import defs
    from real_estate_assets.defs.trust.keys import AUDIT

    audited = {key.asset_key for key in graph.asset_check_keys if key.name == AUDIT}
    assert audited == {key for key in _own(graph) if key.path[0] == "marts"}
    layer = defs.resolve_job_def("audit_job").asset_layer
    assert layer.selected_asset_keys == set(), "an audit makes nothing"
    schedule = next(s for s in defs.get_repository_def().schedule_defs if s.name == "daily_audit")
    at = datetime.datetime(2026, 11, 24, 4, 30, tzinfo=datetime.UTC)
    with dg.instance_for_test() as instance:
        instance.add_dynamic_partitions("tenants", [f"t{n:02}" for n in range(30)])
        asked = schedule.evaluate_tick(dg.build_schedule_context(instance, scheduled_execution_time=at)).run_requests
    ranges = [
        (r.tags["dagster/asset_partition_range_start"], r.tags["dagster/asset_partition_range_end"]) for r in asked
    ]
    assert ranges == [("t00", "t24"), ("t25", "t29")]


def test_what_blocks_and_what_warns(graph: AssetGraph) -> None:
    from real_estate_assets.defs.records.assets import ACCOUNTED, BATCH_RULES, ROW_RULES

    for key in graph.asset_check_keys:
        blocking = graph.get(key).blocking
        if key.asset_key.path[0] == "records":
            assert blocking == (key.name in (BATCH_RULES, ACCOUNTED)), key
            assert key.name in (BATCH_RULES, ACCOUNTED, ROW_RULES)


def test_every_stage_of_the_plan_runs_all_assets_of_its_job() -> None:
    from real_estate_assets.definitions import defs
    from real_estate_assets.defs.stages import PLAN

    for planned in PLAN:
        made = set(defs.resolve_job_def(planned.job_name).asset_layer.selected_asset_keys)
        assert made == set(planned.keys), planned.name


def test_the_schedule_may_ask_for_what_it_asks_for(graph: AssetGraph) -> None:
    """References are requested by name: they must be in the schedule's job, or every tick fails."""
    from real_estate_assets.definitions import defs
    from real_estate_assets.defs.reference.keys import EVERY

    schedule = next(s for s in defs.get_repository_def().schedule_defs if s.name == "refresh_changed")
    assert set(EVERY) <= set(defs.resolve_job_def(schedule.job_name).asset_layer.selected_asset_keys)
    assert set(EVERY) == {key for key in _own(graph) if key.path[0] == "reference"}

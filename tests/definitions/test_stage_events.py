"""What the stages rely on in the installed Dagster: events of one tenant at a time, and steps that follow each other.

Two of these things are not public (`stage_events.py` says which and why): an upgrade of Dagster must pass here first.
"""

from collections.abc import Iterator, Sequence

import dagster as dg
import pytest

from real_estate_assets.defs import stage_events
from real_estate_assets.defs.stage_events import (
    AssetResult,
    CheckResult,
    Event,
    StageResult,
    is_followed,
    release,
    tenant_events,
)

TENANTS = dg.DynamicPartitionsDefinition(name="made_tenants")
FIRST_A, FIRST_B, SECOND = (dg.AssetKey([name]) for name in ("first_a", "first_b", "second"))
BAD = "birch"
ALL_TENANTS = ("acme", BAD, "cedar")
seen: list[str] = []


def _spec(key: dg.AssetKey, *deps: dg.AssetKey) -> dg.AssetSpec:
    return dg.AssetSpec(key, deps=deps, partitions_def=TENANTS, skippable=True)


def _stage(context: dg.AssetExecutionContext, keys: Sequence[dg.AssetKey]) -> Iterator[Event]:
    for tenant_id in context.partition_keys:
        seen.append(f"{keys[0].to_user_string()}/{tenant_id}")
        if tenant_id != BAD:
            check = CheckResult(keys[0], "holds", passed=True, is_blocking=True)
            result = StageResult([AssetResult(key, 7) for key in keys], [check])
            yield from tenant_events(context, result, tenant_id, made_of=f"made-{tenant_id}", code_version="1")
    seen.append(f"{keys[0].to_user_string()} is followed: {is_followed(context)}")
    yield from release(context)


@dg.multi_asset(
    specs=[_spec(FIRST_A), _spec(FIRST_B, FIRST_A)],
    check_specs=[dg.AssetCheckSpec("holds", asset=FIRST_A, blocking=True, partitions_def=TENANTS)],
    backfill_policy=dg.BackfillPolicy.multi_run(25),
)
def first(context: dg.AssetExecutionContext) -> Iterator[Event]:
    yield from _stage(context, [FIRST_A, FIRST_B])


@dg.multi_asset(
    specs=[_spec(SECOND, FIRST_B)],
    check_specs=[dg.AssetCheckSpec("holds", asset=SECOND, blocking=True, partitions_def=TENANTS)],
    backfill_policy=dg.BackfillPolicy.multi_run(25),
)
def second(context: dg.AssetExecutionContext) -> Iterator[Event]:
    yield from _stage(context, [SECOND])


@dg.asset(
    partitions_def=TENANTS,
    deps=[FIRST_A],
    automation_condition=dg.AutomationCondition.all_deps_blocking_checks_passed(),
)
def behind_the_checks() -> None:
    """Only its condition is looked at."""


DEFINITIONS = dg.Definitions(
    assets=[first, second, behind_the_checks],
    jobs=[dg.define_asset_job("both", dg.AssetSelection.assets(FIRST_A, FIRST_B, SECOND))],
    executor=dg.in_process_executor,
)


@pytest.fixture(scope="module")
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        made.add_dynamic_partitions("made_tenants", list(ALL_TENANTS))
        yield made


@pytest.fixture(scope="module")
def result(instance: dg.DagsterInstance) -> dg.ExecuteInProcessResult:
    """Both stages for three tenants in one run; one of the tenants gets no event."""
    tags = {"dagster/asset_partition_range_start": "acme", "dagster/asset_partition_range_end": "cedar"}
    return DEFINITIONS.resolve_job_def("both").execute_in_process(instance=instance, tags=tags)


def test_the_step_after_starts_in_the_same_run(result: dg.ExecuteInProcessResult) -> None:
    assert result.success
    assert [word for word in seen if "/" in word] == [f"{s}/{t}" for s in ("first_a", "second") for t in ALL_TENANTS]


def test_a_stage_knows_whether_another_follows(result: dg.ExecuteInProcessResult) -> None:
    assert [word for word in seen if "followed" in word] == ["first_a is followed: True", "second is followed: False"]


def test_each_good_tenant_has_one_event_an_asset_and_the_failed_one_none(
    result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> None:
    for key in (FIRST_A, FIRST_B, SECOND):
        events = instance.fetch_materializations(key, limit=100).records
        assert sorted(event.partition_key or "" for event in events) == ["acme", "cedar"], key
        assert instance.get_materialized_partitions(key) == {"acme", "cedar"}
        tags = {
            event.partition_key: event.asset_materialization.tags for event in events if event.asset_materialization
        }
        assert tags["acme"]["dagster/data_version"] == "made-acme"


def test_releasing_records_nothing(result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance) -> None:
    for key in (FIRST_A, FIRST_B, SECOND):
        assert instance.fetch_observations(key, limit=10).records == []
        assert all(event.partition_key for event in instance.fetch_materializations(key, limit=100).records)


def test_an_output_without_the_marker_would_make_the_failed_tenant_look_fresh(instance: dg.DagsterInstance) -> None:
    """The reason for the marker; where this fails, Dagster has changed and the marker may go."""

    @dg.multi_asset(
        name="plain", specs=[_spec(dg.AssetKey(["plain"]))], backfill_policy=dg.BackfillPolicy.multi_run(25)
    )
    def plain(context: dg.AssetExecutionContext) -> Iterator[dg.Output[None]]:
        yield dg.Output(None, output_name="plain")

    tags = {"dagster/asset_partition_range_start": "acme", "dagster/asset_partition_range_end": "cedar"}
    definitions = dg.Definitions(assets=[plain], jobs=[dg.define_asset_job("plain_job", "plain")])
    definitions.resolve_job_def("plain_job").execute_in_process(instance=instance, tags=tags)
    assert instance.get_materialized_partitions(dg.AssetKey(["plain"])) == set(ALL_TENANTS)


def _passed(instance: dg.DagsterInstance) -> set[str]:
    found = dg.evaluate_automation_conditions(
        DEFINITIONS, instance=instance, asset_selection=dg.AssetSelection.assets("behind_the_checks")
    )
    return found.get_requested_partitions(dg.AssetKey(["behind_the_checks"]))


def test_a_tenants_passed_check_counts_as_passed(
    result: dg.ExecuteInProcessResult, instance: dg.DagsterInstance
) -> None:
    assert _passed(instance) == {"acme", "cedar"}


def test_a_check_that_names_no_materialization_would_never_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason for the second import that is not public."""
    monkeypatch.setattr(stage_events, "_target", lambda *_: None)
    with dg.DagsterInstance.ephemeral() as fresh:
        fresh.add_dynamic_partitions("made_tenants", ["acme"])
        DEFINITIONS.resolve_job_def("both").execute_in_process(instance=fresh, partition_key="acme")
        assert _passed(fresh) == set()

"""Records, gates and enrichment as stages: what blocks a tenant, what is read again, and nothing is there twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from real_estate_assets.stores.dbt_process import load_seeds
from real_estate_assets.stores.warehouse import outcomes
from real_estate_assets.stores.warehouse.turns import turn
from tests.made_platform import ROWS, Platform, csv_bytes, parcel_layer, parcel_source, platform, roll_rows, roll_source

GOOD = csv_bytes(roll_rows())


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One platform without public layers, but with the scale of hazard scores; each test has tenants of its own."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("records") / "platform") as opened:
        load_seeds(opened.settings, ["hazard_score_scale"])
        yield opened


def _rows(made: Platform, tenant: str) -> list[tuple[int, int]]:
    return made.query(
        "select count(*), count(distinct (file_no, record_no)) from raw.property where tenant_id = %s", tenant
    )


def _evidence(made: Platform, tenant: str) -> int:
    return int(made.one("select count(*) from prov.evidence where tenant_id = %s and method = 'read_and_cast'", tenant))


def _through(made: Platform, tenant: str, *stages: str) -> dict[str, str]:
    failed: dict[str, str] = {}
    for stage in stages:
        failed |= made.run_only(stage, tenant)
    return failed


def test_a_file_is_read_once(made: Platform) -> None:
    made.add("once", [roll_source("roll.csv")], {"roll.csv": GOOD})
    assert _through(made, "once", "landing", "records") == {}
    version = made.materializations("records/properties", "once")[0]["dagster/data_version"]
    made.run_only("records", "once", force=True)
    assert _rows(made, "once") == [(ROWS, ROWS)]
    assert _evidence(made, "once") == 1
    assert made.materializations("records/properties", "once")[0]["dagster/data_version"] == version


def test_a_worker_that_died_between_reading_and_the_gate_is_made_good(made: Platform) -> None:
    made.add("halfway", [roll_source("roll.csv")], {"roll.csv": GOOD})
    _through(made, "halfway", "landing", "records")
    with made.warehouse.as_owner() as connection:
        connection.execute("update prov.source_file set gate_passed = null where tenant_id = 'halfway'")
    assert made.run_only("records", "halfway", force=True) == {}
    assert _rows(made, "halfway") == [(ROWS, ROWS)]
    assert made.one("select gate_passed from prov.source_file where tenant_id = 'halfway'") is True


def test_a_gate_that_fails_keeps_the_stages_after_it_from_starting(made: Platform) -> None:
    made.add("stopped", [roll_source("roll.csv")], {"roll.csv": csv_bytes([["", "", *r[2:]] for r in roll_rows()])})
    failed = _through(made, "stopped", "landing", "records")
    assert "batch_rules_hold" in failed["stopped"]
    assert made.run_only("enrichment", "stopped") == {}, "it waits, which is no failure of its own"
    latest = {o.node_id: o for o in outcomes.latest(made.warehouse, "stopped")}
    assert (latest["enrichment"].stage, latest["enrichment"].is_ok) == ("blocked", False)
    assert latest["enrichment"].error == "records failed for it"
    assert made.materializations("enrichment/identities", "stopped") == []
    report = made.one("select gate_report -> 'batch_failures' from prov.source_file where tenant_id = 'stopped'")
    assert "nearly_every_row_has_a_key" in report


def test_a_failed_gate_is_a_failed_check_of_this_tenant(made: Platform) -> None:
    import dagster as dg
    from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus

    key = dg.AssetCheckKey(dg.AssetKey(["records", "properties"]), "batch_rules_hold")
    made.add("passed", [roll_source("roll.csv")], {"roll.csv": GOOD})
    _through(made, "passed", "landing", "records")
    history = made.instance.event_log_storage.get_asset_check_execution_history(key, limit=100)
    found = {r.evaluation.partition: r.status for r in reversed(history) if r.evaluation is not None}
    assert found["passed"] == AssetCheckExecutionRecordStatus.SUCCEEDED
    assert found["stopped"] == AssetCheckExecutionRecordStatus.FAILED


def test_events_hold_counts_and_locators_and_no_personal_data(made: Platform) -> None:
    rows = roll_rows()
    rows[3][7], rows[3][3] = -5, "17 Secret Lane"
    made.add("private", [roll_source("roll.csv")], {"roll.csv": csv_bytes(rows)})
    _through(made, "private", "landing", "records")
    logged = "\n".join(
        str(entry.to_json()) for run in made.instance.get_runs(limit=1) for entry in made.instance.all_logs(run.run_id)
    )
    assert "lot_size_not_negative" in logged
    assert "Secret Lane" not in logged


def test_a_stage_waits_for_the_one_before_it_whoever_asks(made: Platform) -> None:
    made.add("in-turn", [roll_source("roll.csv")], {"roll.csv": GOOD})
    _through(made, "in-turn", "landing", "records", "enrichment")
    made.put("in-turn", {"roll.csv": csv_bytes(roll_rows(raise_by=7))})
    made.run_only("landing", "in-turn")
    made.run_only("enrichment", "in-turn", force=True)
    latest = {o.node_id: o for o in outcomes.latest(made.warehouse, "in-turn")}
    assert latest["enrichment"].stage == "blocked"
    assert "records has not seen its newest inputs" in (latest["enrichment"].error or "")
    assert _through(made, "in-turn", "records", "enrichment") == {}
    assert made.error("in-turn", "enrichment") is None


def test_without_public_layers_hazards_are_unknown_with_a_reason(made: Platform) -> None:
    made.add(
        "bare", [roll_source("roll.csv"), parcel_source("p.geojson")], {"roll.csv": GOOD, "p.geojson": parcel_layer()}
    )
    assert _through(made, "bare", "landing", "records", "enrichment") == {}
    found = made.query(
        "select peril, count(*), count(null_reason), count(source_score_pct) from enrichment.hazard_exposure"
        " where tenant_id = 'bare' group by 1 order by 1"
    )
    assert found == [(peril, ROWS, ROWS, 0) for peril in ("flood", "heat", "wildfire")]


def test_every_parcel_number_of_a_roll_is_identified_and_located(made: Platform) -> None:
    assert made.one("select count(distinct property_id) from enrichment.identity where tenant_id = 'bare'") == ROWS
    found = made.query(
        "select method, count(*), min(area_m2) > 1000 from enrichment.location where tenant_id = 'bare' group by 1"
    )
    assert found == [("parcel_polygon", ROWS, True)]
    assert made.query("select status, count(*) from enrichment.address where tenant_id = 'bare' group by 1") == [
        ("standardized", ROWS)
    ]


def test_who_works_on_a_tenant_holds_its_turn(made: Platform) -> None:
    made.add("turns", [roll_source("roll.csv")], {"roll.csv": GOOD})
    order: list[str] = []

    def second() -> None:
        with turn(made.warehouse, ["turns"]):
            order.append("second")

    with turn(made.warehouse, ["turns", "no-such-tenant"]):
        waiting = threading.Thread(target=second)
        waiting.start()
        time.sleep(0.5)
        order.append("first is done")
    waiting.join(10)
    assert order == ["first is done", "second"]


def test_a_dead_workers_turn_is_free_at_once(made: Platform) -> None:
    with made.warehouse.as_owner() as holder, holder.transaction(force_rollback=True):
        holder.execute("select from tenancy.turn where tenant_id = 'turns' for update")
        with made.warehouse.as_owner() as other:
            other.execute("select pg_terminate_backend(%s)", (holder.info.backend_pid,))
        with turn(made.warehouse, ["turns"]):
            pass
        holder.close()

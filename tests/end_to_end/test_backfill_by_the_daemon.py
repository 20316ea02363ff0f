"""Nobody acts: a real daemon onboards tenants, refreshes them in chunks, and heals what a killed worker left.

One daemon, one story, told in order: each test goes on where the one before it stopped, since starting a daemon and
onboarding tenants is what takes the time. The intervals are shorter than in production (`made_daemon.py`); no more than
that is different.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from tests.made_daemon import Daemon, daemon, kill, worker_of
from tests.made_platform import HEADER, ROWS, csv_bytes, parcel_layer, parcel_source, roll_rows, roll_source

pytestmark = pytest.mark.slow
GOOD, BAD = ("acme", "cedar", "dunes"), "birch"
DELIVERED = "delivered.csv"
STAGES = ("landing/source_files", "records", "enrichment", "calibration", "warehouse", "features", "valuation")


@pytest.fixture(scope="module")
def running(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    """A daemon on an empty platform: no tenant, no public layer, no run yet. Chunks are of two tenants."""
    with daemon(module_warehouse_db.settings, tmp_path_factory.mktemp("daemon"), tenants_per_run=2) as started:
        yield started


def _is_through(running: Daemon, tenant_id: str, times: int = 1) -> bool:
    """Whether each asset of the tenant, from files to estimates, was made so often."""
    return all(count >= times for count, _ in running.platform.history(tenant_id).values())


def _refresh(running: Daemon) -> str:
    """What the hourly schedule does at its tick; returns what it says."""
    from real_estate_assets.definitions import defs

    repository = defs.get_repository_def()
    with dg.build_schedule_context(running.platform.instance, repository_def=repository) as context:
        said = repository.get_schedule_def("refresh_changed").evaluate_tick(context)
    assert not said.run_requests, "public layers did not change"
    return said.skip_message or ""


def _total(running: Daemon) -> dict[str, int]:
    count = "select count(*) from marts.dim_properties where tenant_id = %s"
    return {tenant_id: running.platform.one(count, tenant_id) for tenant_id in GOOD}


def test_registered_tenants_are_published_with_nobody_acting(running: Daemon) -> None:
    for tenant_id in GOOD:
        sources = [roll_source(DELIVERED), parcel_source("parcels.geojson")]
        running.platform.add(tenant_id, sources, {DELIVERED: csv_bytes(roll_rows()), "parcels.geojson": parcel_layer()})
    running.platform.add(BAD, [roll_source(DELIVERED)], {DELIVERED: csv_bytes(roll_rows(), ["Nr", *HEADER[1:]])})

    running.until("all good tenants are through", lambda: all(_is_through(running, t) for t in GOOD), 800)
    running.until("nothing runs", running.is_idle)

    assert _total(running) == dict.fromkeys(GOOD, ROWS)
    assert "'PID'" in (running.platform.error(BAD, "records") or "")
    assert running.platform.materializations("records/properties", BAD) == []
    for tenant_id in GOOD:
        made = {key: count for key, (count, _) in running.platform.history(tenant_id).items()}
        assert made == dict.fromkeys(made, 1), f"each asset was made once\n{running.describe()}"


def test_a_failed_tenant_leaves_no_backfill_open(running: Daemon) -> None:
    running.until("nothing runs", running.is_idle)
    running.until("no backfill is open", lambda: not _open_backfills(running), 200)


def _open_backfills(running: Daemon) -> list[str]:
    from real_estate_assets.defs.backfills import OPEN

    return [b.backfill_id for b in running.platform.instance.get_backfills() if b.status in OPEN]


def test_the_schedule_submits_only_those_whose_files_changed_and_a_killed_worker_heals(running: Daemon) -> None:
    before = running.platform.history("dunes")
    for tenant_id in ("acme", "cedar"):
        running.platform.put(tenant_id, {DELIVERED: csv_bytes(roll_rows(ROWS, 5_000))})
    said = _refresh(running)
    assert "landing: " in said
    assert "2 tenants" in said or "3 tenants" in said  # the third is birch, whose failed records are tried again

    killed = _kill_while(running, "records", "acme")

    running.until("both are through again", lambda: all(_is_through(running, t, 2) for t in ("acme", "cedar")), 800)
    running.until("nothing runs", running.is_idle)
    run = running.platform.instance.get_run_by_id(killed)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    retries = [r for r in running.runs() if r.parent_run_id == killed]
    assert [r.status for r in retries] in ([dg.DagsterRunStatus.SUCCESS], [dg.DagsterRunStatus.FAILURE])
    assert _total(running) == dict.fromkeys(GOOD, ROWS), "every chunk is there, and once"
    for tenant_id in ("acme", "cedar"):
        rows = "select count(*), count(distinct (file_no, record_no)) from raw.property where tenant_id = %s"
        assert running.platform.query(rows, tenant_id) == [(2 * ROWS, 2 * ROWS)]
        value = "select distinct assessed_improvement_value_usd from marts.dim_properties where tenant_id = %s"
        assert running.platform.query(value, tenant_id) == [(205_000,)]
        for stage in STAGES:
            assert running.platform.error(tenant_id, stage) is None
    assert running.platform.history("dunes") == before, "nothing happened to it"


def test_two_runs_of_one_tenant_at_once_take_turns(running: Daemon) -> None:
    """Two people at two terminals; the daemon's own runs go on beside them."""
    code = "from real_estate_assets.cli import main; main()"
    command = [sys.executable, "-W", "ignore", "-c", code, "materialize", "-t", "acme", "--force"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [one.communicate(timeout=600)[0] for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert _total(running) == dict.fromkeys(GOOD, ROWS)
    rows = "select count(*), count(distinct (file_no, record_no)) from raw.property where tenant_id = 'acme'"
    assert running.platform.query(rows) == [(2 * ROWS, 2 * ROWS)]
    assert running.platform.one("select count(*) from tenancy.staged where tenant_id = 'acme'") == 0
    for stage in STAGES:
        assert running.platform.error("acme", stage) is None


def _kill_while(running: Daemon, stage: str, tenant_id: str) -> str:
    """kill -9 the worker that works on a stage of a tenant; returns its run."""
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline:
        for run in running.runs(dg.DagsterRunStatus.STARTED):
            works = any(key.path[0] == stage for key in run.asset_selection or ())
            is_at_work = works and f"{stage}: tenant {tenant_id}" in _messages(running, run.run_id)
            if is_at_work and (pid := worker_of(running.platform.instance, run.run_id)) is not None:
                kill(pid)
                return run.run_id
        time.sleep(0.1)
    pytest.fail(f"no run of {stage} came\n{running.describe()}")


def _messages(running: Daemon, run_id: str) -> str:
    return "\n".join(entry.user_message for entry in running.platform.instance.all_logs(run_id))

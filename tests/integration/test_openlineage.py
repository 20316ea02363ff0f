"""Lineage of real runs of a small platform: whose events stand where, and what a bad collector can do: nothing."""

from __future__ import annotations

import json
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from real_estate_assets.settings import Settings
from real_estate_assets.stores.lineage.collector import send
from real_estate_assets.stores.lineage.outbox import Answer, Outbox, OutboxBusyError
from tests.made_platform import Platform, csv_bytes, platform, roll_rows, roll_source

RIVER, BROKEN = "river", "brook"
KEY = "a key"


@pytest.fixture(scope="module")
def made(module_warehouse_db: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """Two tenants in one run each of landing and records; a file of the second is missing."""
    with platform(module_warehouse_db.settings, tmp_path_factory.mktemp("lineage") / "platform") as opened:
        opened.add(RIVER, [roll_source("roll.csv")], {"roll.csv": csv_bytes(roll_rows())})
        opened.add(BROKEN, [roll_source("nowhere.csv")], {"roll.csv": b""})
        failed = opened.run_only("landing", BROKEN, RIVER)
        assert set(failed) == {BROKEN}
        assert opened.run_only("records", RIVER) == {}
        yield opened


@pytest.fixture(scope="module")
def graph(made: Platform) -> Any:
    from real_estate_assets.definitions import defs

    return defs.resolve_asset_graph()


@pytest.fixture
def told(made: Platform, graph: Any, tmp_path: Path) -> Outbox:
    """An outbox with the events of all runs so far."""
    outbox = Outbox(tmp_path / "lineage")
    with outbox.held():
        assert teller(made, graph).tell(outbox, 100) > 0
    return outbox


def teller(made: Platform, graph: Any) -> Any:
    from real_estate_assets.defs.lineage.telling import Teller

    return Teller(made.instance, graph, made.warehouse, made.settings.references_file)


def events(outbox: Outbox, tenant: str | None) -> list[dict[str, Any]]:
    return [json.loads(line) for line in outbox.file(tenant).read_text().splitlines()]


def total(outbox: Outbox) -> int:
    return len(events(outbox, RIVER)) + len(events(outbox, BROKEN))


class Collector:
    """A real HTTP server on a free port; `answer` decides what it says to each event."""

    def __init__(self, answer: Callable[[int], int] = lambda _: 201, delay: float = 0) -> None:
        self.bodies: list[bytes] = []
        self.paths: list[str] = []
        self.keys: list[str | None] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                time.sleep(delay)
                collector.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
                collector.paths.append(self.path)
                collector.keys.append(self.headers["Authorization"])
                self.send_response(answer(len(collector.bodies)))
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @contextmanager
    def open(self) -> Iterator[Collector]:
        thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.server.shutdown()
            self.server.server_close()

    def take(self, body: bytes) -> Answer:
        return send(f"{self.url}/api/v1/lineage", body, api_key=KEY, timeout=2)


def test_each_tenants_events_stand_in_its_own_file_and_name_no_other(told: Outbox) -> None:
    river, brook = told.file(RIVER).read_text(), told.file(BROKEN).read_text()
    assert BROKEN not in river
    assert RIVER not in brook
    assert {e["job"]["namespace"] for e in events(told, RIVER)} == {f"reos/tenants/{RIVER}"}


def test_a_run_starts_and_ends_as_the_same_run(told: Outbox) -> None:
    said = [(e["eventType"], e["job"]["name"]) for e in events(told, RIVER)]
    assert said[:4] == [
        ("START", "landing_job"),
        ("COMPLETE", "landing_job"),
        ("START", "records_job"),
        ("COMPLETE", "records_job"),
    ]
    first, second, *_ = events(told, RIVER)
    assert first["run"]["runId"] == second["run"]["runId"]
    assert first["eventTime"] < second["eventTime"]


def test_of_one_run_one_tenant_fails_and_the_other_is_done(told: Outbox) -> None:
    failed, done = events(told, BROKEN)[1], events(told, RIVER)[1]
    assert (failed["eventType"], done["eventType"]) == ("FAIL", "COMPLETE")
    assert "nowhere.csv" in failed["run"]["facets"]["errorMessage"]["message"]
    assert failed["run"]["facets"]["parent"]["run"] == done["run"]["facets"]["parent"]["run"]
    assert failed["outputs"] == []


def test_what_was_read_and_made_is_named_and_counted(made: Platform, told: Outbox) -> None:
    end = events(told, RIVER)[-1]
    outputs = {one["name"]: one for one in end["outputs"]}
    assert outputs["records.properties"]["outputFacets"]["outputStatistics"]["rowCount"] == 30
    inputs = {one["name"]: one for one in end["inputs"]}
    assert {"landing.source_files", "files/roll/roll.csv", "reference.county_boundaries"} <= inputs.keys()
    assert inputs["reference.county_boundaries"]["namespace"] == "reos/public"
    sha256 = made.one("select sha256 from prov.source_file where tenant_id = %s", RIVER)
    assert inputs["files/roll/roll.csv"]["facets"]["version"]["datasetVersion"] == sha256
    assert inputs["files/roll/roll.csv"]["inputFacets"]["dataQualityMetrics"]["rowCount"] == 30


def test_a_run_is_told_once_however_small_the_pages(made: Platform, graph: Any, told: Outbox, tmp_path: Path) -> None:
    assert teller(made, graph).tell(told, 100) == 0
    slow = Outbox(tmp_path / "slow")
    with slow.held():
        while teller(made, graph).tell(slow, 1):
            pass
    for tenant in (RIVER, BROKEN):
        assert slow.file(tenant).read_text() == told.file(tenant).read_text()


def test_a_collector_gets_every_event_once_and_in_order(told: Outbox) -> None:
    with Collector().open() as collector:
        done = told.deliver(collector.take, seconds=20)
        assert (done.sent, done.refused, done.waiting) == (total(told), 0, 0)
        assert told.deliver(collector.take, seconds=20).sent == 0
    expected = told.file(BROKEN).read_bytes() + told.file(RIVER).read_bytes()
    assert b"".join(body + b"\n" for body in collector.bodies) == expected
    assert set(collector.paths) == {"/api/v1/lineage"}
    assert set(collector.keys) == {f"Bearer {KEY}"}


def test_what_a_dead_collector_did_not_take_is_sent_when_it_lives(told: Outbox) -> None:
    dead = Collector()
    dead.server.server_close()
    done = told.deliver(dead.take, seconds=20)
    assert (done.sent, done.refused) == (0, 0)
    assert done.waiting > 0
    with Collector(lambda n: 503 if n == 3 else 201).open() as unsteady:
        assert told.deliver(unsteady.take, seconds=20).sent == 2, "the third is refused for now"
        assert told.deliver(unsteady.take, seconds=20).sent == total(told) - 2
    assert len({*unsteady.bodies}) == total(told)


def test_an_event_that_a_collector_will_never_take_does_not_hold_up_the_others(told: Outbox) -> None:
    with Collector(lambda n: 422 if n == 1 else 201).open() as collector:
        done = told.deliver(collector.take, seconds=20)
    assert (done.sent, done.refused, done.waiting) == (total(told) - 1, 1, 0)


def test_a_collector_that_hangs_costs_one_bounded_wait(told: Outbox) -> None:
    with Collector(delay=5).open() as hanging:
        started = time.monotonic()
        done = told.deliver(lambda body: send(hanging.url, body, api_key=None, timeout=0.3), seconds=20)
        assert time.monotonic() - started < 3
    assert done.sent == 0
    assert done.waiting > 0


def test_the_time_for_a_delivery_is_kept(told: Outbox) -> None:
    def slow(_: bytes) -> Answer:
        time.sleep(0.2)
        return Answer.TAKEN

    done = told.deliver(slow, seconds=0.3)
    assert 0 < done.sent < total(told)
    assert done.waiting > 0


def test_runs_never_meet_the_collector(made: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a hanging collector named, a run is as quick as ever and sends nothing: only the sensor talks to it."""
    from real_estate_assets.settings import get_settings

    with Collector(delay=30).open() as hanging:
        monkeypatch.setenv("REOS_OPENLINEAGE_URL", hanging.url)
        get_settings.cache_clear()
        started = time.monotonic()
        assert made.run_only("records", RIVER, force=True) == {}
        assert time.monotonic() - started < 25
        assert hanging.bodies == []
    get_settings.cache_clear()


def test_the_sensor_tells_and_sends_and_asks_for_no_run(made: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    from real_estate_assets.definitions import defs
    from real_estate_assets.defs.lineage.sensor import openlineage
    from real_estate_assets.defs.resources import WarehouseResource
    from real_estate_assets.settings import get_settings

    # The state directory serves all platforms of this process in turn: how far an earlier one was told counts no more.
    shutil.rmtree(made.settings.lineage_dir, ignore_errors=True)
    context = dg.build_sensor_context(instance=made.instance, repository_def=defs.get_repository_def())
    with Collector().open() as collector:
        monkeypatch.setenv("REOS_OPENLINEAGE_URL", collector.url)
        get_settings.cache_clear()
        result = openlineage(context, warehouse=WarehouseResource())
    get_settings.cache_clear()
    assert isinstance(result, dg.SkipReason)
    assert "events written" in str(result.skip_message)
    assert len(collector.bodies) >= 6
    assert Outbox(made.settings.lineage_dir).file(RIVER).exists()


def test_two_processes_do_not_write_at_once(told: Outbox) -> None:
    with told.held(), pytest.raises(OutboxBusyError, match="another process"), told.held():
        pass


def test_a_removed_tenants_events_are_gone(told: Outbox) -> None:
    assert told.forget(RIVER)
    assert not told.file(RIVER).exists()
    assert told.file(BROKEN).exists()
    assert not told.forget(RIVER)


def test_a_collectors_address_must_be_one(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="http:// or https://"):
        Settings(environment="test", openlineage_url="file:///etc/passwd")

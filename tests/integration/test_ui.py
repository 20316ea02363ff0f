"""`reos ui` and `reos down`: webserver and daemon with the real code location, on a real Postgres."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import Request, urlopen

import pytest

from real_estate_assets.cli import background
from real_estate_assets.settings import Settings, process_environment
from real_estate_assets.stores.cluster_files import free_port, port_in_use
from real_estate_assets.stores.local_cluster import LocalCluster
from tests.made_manifest import bring_manifest


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """The state directory of a throwaway cluster; what runs there is stopped at the end."""
    folder = tmp_path / "state"
    cluster = LocalCluster(Settings(environment="test", state_dir=folder), throwaway=True)
    cluster.start()
    bring_manifest(folder)
    yield folder
    for name in ("daemon", "webserver"):
        background.stop(folder / f"{name}.pid")
    cluster.destroy()


def _ask(url: str, query: str) -> dict:
    request = Request(f"{url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"})
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


@pytest.mark.slow
def test_ui_serves_the_code_location_and_stops_whole(state: Path) -> None:
    port = free_port()
    environment = process_environment({"REOS_STATE_DIR": str(state), "REOS_UI_PORT": str(port)})

    def reos(*arguments: str) -> subprocess.CompletedProcess[str]:
        program = [Path(sys.executable).with_name("reos"), *arguments]
        return subprocess.run(program, env=environment, capture_output=True, text=True, check=False, timeout=300)

    done = reos("ui")
    assert done.returncode == 0, done.stderr
    url = f"http://127.0.0.1:{port}"
    assert url in done.stdout
    nodes = _ask(url, "{ assetNodes { assetKey { path } } }")["assetNodes"]
    assert ["landing", "source_files"] in [node["assetKey"]["path"] for node in nodes]

    first = [background.remembered(state / f"{name}.pid") for name in ("daemon", "webserver")]
    assert None not in first
    assert reos("ui").returncode == 0
    assert [background.remembered(state / f"{name}.pid") for name in ("daemon", "webserver")] == first

    _wait_for_daemon(url)

    assert "Stopped: daemon, webserver, Postgres" in reos("down").stdout
    assert not port_in_use(port)
    for process in first:
        assert process is not None
        assert not background._has_members(process.pid), "code servers went with their parents"


def _wait_for_daemon(url: str) -> None:
    """Until the daemon that runs schedules says that it is healthy."""
    query = "{ instance { daemonHealth { allDaemonStatuses { daemonType healthy required } } } }"
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        statuses = _ask(url, query)["instance"]["daemonHealth"]["allDaemonStatuses"]
        required = [status for status in statuses if status["required"]]
        if required and all(status["healthy"] for status in required):
            return
        time.sleep(1)
    raise AssertionError(f"not healthy: {[s for s in required if not s['healthy']]}")

"""A real Dagster daemon with its code location, on a platform of its own: what happens when nobody acts.

Belongs here: starting and stopping it, waiting, finding a run's process. Does not belong here: assertions.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
import pytest
import yaml

from real_estate_assets.cli import background
from real_estate_assets.settings import PROJECT_ROOT, Settings, process_environment
from real_estate_assets.stores import dagster_home
from tests.made_platform import Platform, environment_of, platform, write_references

POLL = 1.0
# Backfills are looked at every 30 s, which no setting changes; `python -m dagster._daemon` is the rest of it.
QUICK_DAEMON = (
    "import dagster._daemon.controller as controller; controller.DEFAULT_DAEMON_INTERVAL_SECONDS = 3;"
    " from dagster._daemon.cli import main; main()"
)


@dataclass
class Daemon:
    """A running daemon and the platform it works on."""

    platform: Platform
    log: Path

    def until(self, what: str, is_so: Callable[[], bool], seconds: float = 240) -> float:
        """Wait until something is so; returns the seconds it took. Fails with the end of the daemon's log."""
        started = time.monotonic()
        while not is_so():
            if time.monotonic() - started > seconds:
                tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])
                pytest.fail(f"not within {seconds:g} s: {what}\n{self.describe()}\n{tail}")
            time.sleep(POLL)
        return time.monotonic() - started

    def describe(self) -> str:
        """All runs, newest first, in a line each."""
        return "\n".join(f"{r.run_id[:8]} {r.job_name} {r.status.value} {dict(r.tags)}" for r in self.runs())

    def runs(self, *statuses: dg.DagsterRunStatus) -> list[dg.DagsterRun]:
        """Runs, newest first; all where no status is given."""
        wanted = dg.RunsFilter(statuses=list(statuses) or None)
        return list(self.platform.instance.get_runs(filters=wanted))

    def is_idle(self) -> bool:
        """Whether no run is queued, starting or under way."""
        status = dg.DagsterRunStatus
        return not self.runs(status.QUEUED, status.NOT_STARTED, status.STARTING, status.STARTED, status.CANCELING)


def worker_of(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """The process that executes a run, as its first step said; None while none has started."""
    for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_START):
        if entry.dagster_event is not None:
            return entry.dagster_event.pid
    return None


def kill(pid: int) -> None:
    """kill -9, as a machine's memory guard would."""
    os.kill(pid, signal.SIGKILL)


def _home(folder: Path) -> Path:
    """The project's dagster.yaml with shorter waits: it is the behaviour that is tested, not the intervals."""
    config = yaml.safe_load((PROJECT_ROOT / "dagster.yaml").read_text())
    config["run_monitoring"]["poll_interval_seconds"] = 2
    config["run_coordinator"] = {
        "module": "dagster",
        "class": "QueuedRunCoordinator",
        "config": {"dequeue_interval_seconds": 1},
    }
    folder.mkdir(parents=True)
    (folder / "dagster.yaml").write_text(yaml.safe_dump(config))
    return folder


def _unmeasured(environment: dict[str, str]) -> dict[str, str]:
    """Without coverage: the daemon and its runs are what takes the time, and other tests run the same lines."""
    return {name: value for name, value in environment.items() if not name.startswith("COVERAGE_")}


@contextmanager
def daemon(settings: Settings, folder: Path, *, tenants_per_run: int) -> Iterator[Daemon]:
    """Start a daemon on a migrated database and an empty Dagster database; stop both at the end."""
    references = write_references(folder / "platform" / "references")
    environment = {
        **dagster_home.dagster_environment(settings),
        **environment_of(settings, references),
        "DAGSTER_HOME": str(_home(folder / "home")),
        "REOS_TENANTS_PER_RUN": str(tenants_per_run),
        "REOS_AUTOMATION_SECONDS": "8",
    }
    log, pid_file = folder / "daemon.log", folder / "daemon.pid"
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        dagster_home.ensure_storage(settings)
        with platform(
            settings, folder / "platform", dg.DagsterInstance.from_config(environment["DAGSTER_HOME"])
        ) as made:
            command = [sys.executable, "-c", QUICK_DAEMON, "run", "-w", str(dagster_home.WORKSPACE_FILE)]
            background.start(command, pid_file, log, _unmeasured(process_environment({})))
            try:
                yield Daemon(made, log)
            finally:
                background.stop(pid_file)

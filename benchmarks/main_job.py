"""The main job: `reos demo` from an empty folder, all demo tenants, seconds by stage.

`python -m benchmarks.main_job`. Installation is not counted. Seconds of a stage are those of its runs in Dagster's own
record, over both deliveries; what is left of the whole is starting Postgres, migrating, and seeing what is out of date.
On a machine that others use, CPU seconds say more than the clock: they are those of `reos` and all that it waited for,
Postgres apart.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bounds import at_most
from benchmarks.gates.demo import run_demo
from benchmarks.measure import Result, result
from benchmarks.report import ROOT, printer, table
from benchmarks.throwaway import environment_of, state_folder

PREFIX = "spine.main_job"
GOAL = at_most(120)
# The instance can be opened for one state directory a process, so another process asks it.
_STAGES = """
import json
from real_estate_assets.cli.instance import open_instance
with open_instance() as instance:
    for record in instance.get_run_records(ascending=True):
        print(json.dumps([record.dagster_run.job_name, record.end_time - record.start_time]))
"""


def run() -> list[Result]:
    """One build from nothing: a second one in a row would meet warm caches that a newcomer does not have."""
    with state_folder() as state:
        before, started = _children_cpu(), time.perf_counter()
        run_demo(environment_of(state))
        seconds, cpu = time.perf_counter() - started, _children_cpu() - before
        stages = dict(_stages(state))
    lines = [result(f"{PREFIX}.{name}", used, "s") for name, used in stages.items()]
    lines.append(result(f"{PREFIX}.all_else", seconds - sum(stages.values()), "s"))
    note = f"all demo tenants, two deliveries; {os.cpu_count()} cores, {cpu:.0f} CPU seconds without Postgres"
    return [*lines, result(f"{PREFIX}.in_all", seconds, "s", goal=GOAL, note=note)]


def _stages(state: Path) -> Iterator[tuple[str, float]]:
    """(stage, seconds of all its runs), in the order in which the stages first ran."""
    done = subprocess.run(
        [sys.executable, "-c", _STAGES],
        cwd=ROOT,
        env=environment_of(state),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    used: dict[str, float] = {}
    for line in done.stdout.splitlines():
        job, seconds = json.loads(line)
        stage = job.removesuffix("_job")
        used[stage] = used.get(stage, 0.0) + seconds
    yield from used.items()


def _children_cpu() -> float:
    """CPU seconds of all processes that this one has started and waited for, and of theirs."""
    times = os.times()
    return times.children_user + times.children_system


def main() -> None:
    """Measure and print."""
    printer().print(table(run()))


if __name__ == "__main__":
    main()

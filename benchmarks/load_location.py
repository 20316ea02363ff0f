"""Loading the code location: what every run, every sensor tick and every restart of the daemon pays first.

`python -m benchmarks.load_location [--rounds 3]`. CPU seconds of a fresh process that imports
`real_estate_assets.definitions`, less those of a process that imports nothing, so that a busy machine does not count;
and the heavy libraries it imported on the way, of which there must be none: they belong inside the functions that use
them. The floor it is set beside is `import dagster` and `dagster_dbt`, which no code location can avoid.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys

from benchmarks.bounds import at_most
from benchmarks.measure import Result, result
from benchmarks.report import ROOT, printer, table

PREFIX = "spine.load_location"
LOCATION = "real_estate_assets.definitions"
FLOOR = "dagster, dagster_dbt"
# Each takes between half a second and several seconds to import; none of them is needed to know what the assets are.
HEAVY = (
    "catboost", "dice_ml", "duckdb", "feast", "geopandas", "great_expectations", "matplotlib", "neo4j", "obstore",
    "pandas", "polars", "pyogrio", "pyproj", "qdrant_client", "scipy", "sedonadb", "shap", "shapely", "sklearn",
    "torch", "xgboost",
)  # fmt: skip
_CHILD = """
import json, resource, sys, time
import {modules}
used = resource.getrusage(resource.RUSAGE_SELF)
print(json.dumps([used.ru_utime + used.ru_stime, sorted({{name.split('.')[0] for name in sys.modules}})]))
"""
SECONDS = at_most(4)


def run(rounds: int = 3) -> list[Result]:
    """Measure both: seconds, and which heavy libraries came along."""
    seconds, loaded = _median(LOCATION, rounds)
    floor, _ = _median(FLOOR, rounds)
    heavy = [name for name in HEAVY if name in loaded]
    return [
        result(
            f"{PREFIX}.cpu_seconds", seconds, "CPU s", must=SECONDS, note=f"`import {FLOOR}` alone {floor:.2f}",
        ),
        result(f"{PREFIX}.heavy_modules", len(heavy), "modules", must=at_most(0), note=", ".join(heavy)),
    ]  # fmt: skip


def heavy_modules() -> list[str]:
    """Heavy libraries that a fresh process has imported after loading the code location."""
    _, loaded = _load(LOCATION)
    return [name for name in HEAVY if name in loaded]


def _median(modules: str, rounds: int) -> tuple[float, set[str]]:
    """Median CPU seconds of importing, over a process that imports only what measures, and what was imported."""
    runs = [(_load(modules), _load("json")) for _ in range(rounds)]
    return statistics.median(used - idle for (used, _), (idle, _) in runs), runs[-1][0][1]


def _load(modules: str) -> tuple[float, set[str]]:
    """(CPU seconds, top-level modules) of a fresh process. Raises CalledProcessError where the import fails."""
    command = [sys.executable, "-c", _CHILD.format(modules=modules)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise RuntimeError(f"`import {modules}` failed; `reos up` prepares what it needs:\n{done.stderr[-2000:]}")
    used, loaded = json.loads(done.stdout.splitlines()[-1])
    return used, set(loaded)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes of each kind (default 3)")
    printer().print(table(run(parser.parse_args().rounds)))


if __name__ == "__main__":
    main()

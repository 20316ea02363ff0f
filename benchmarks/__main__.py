"""`python -m benchmarks [--only PREFIX] [--long]`: every benchmark, one table, bench.json.

Belongs here: finding the benchmarks and running those asked for. A benchmark is a module of this folder with a `PREFIX`
and `run() -> list[Result]`; one that can do more given time has `run(long: bool)`.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import pkgutil
import sys
from types import ModuleType

from rich.console import Console

import benchmarks
from benchmarks.bounds import exactly
from benchmarks.measure import Result, not_run
from benchmarks.report import ROOT, conclude, may_hold, selected

BROKEN = ".could_be_measured"  # such a line is shown whatever was asked for


def main() -> int:
    """Measure what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure against named peers and floors.")
    parser.add_argument(
        "--only", default="", metavar="PREFIX", help="lines whose names begin so, for example spine.hazard"
    )
    parser.add_argument("--long", action="store_true", help="also what takes longer than some minutes")
    arguments = parser.parse_args()
    console = Console(stderr=True)
    lines: list[Result] = []
    for module in found():
        if may_hold(module.PREFIX, arguments.only):
            with console.status(f"measuring {module.PREFIX}"):
                lines += measured(module, long=arguments.long)
    wanted = [line for line in lines if selected(line["name"], arguments.only) or line["name"].endswith(BROKEN)]
    return conclude(wanted, ROOT / "bench.json")


def found() -> list[ModuleType]:
    """The benchmarks of this folder, by name. The quick ones first would please, but names are easier to find."""
    modules = [
        importlib.import_module(f"benchmarks.{one.name}")
        for one in pkgutil.iter_modules(benchmarks.__path__)
        if not one.ispkg and one.name != "__main__"
    ]
    return [module for module in modules if hasattr(module, "PREFIX") and hasattr(module, "run")]


def measured(module: ModuleType, *, long: bool) -> list[Result]:
    """The lines of one benchmark. One that breaks is a line that does not hold, and hides no other."""
    takes_long = "long" in inspect.signature(module.run).parameters
    try:
        lines: list[Result] = module.run(long=long) if takes_long else module.run()
    except Exception as error:
        why = f"{type(error).__name__}: {error}"[-600:]
        return [not_run(module.PREFIX + BROKEN, "", exactly(1), None, why)]
    return lines


if __name__ == "__main__":
    sys.exit(main())

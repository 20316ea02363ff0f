"""`python -m benchmarks.gates [--only PREFIX] [--long]`: one table of what the project promises, gates.json.

Belongs here: which modules there are, and that one that breaks is a line of its own and hides no other. Does not belong
here: any promise.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from types import ModuleType

from rich.console import Console

from benchmarks.bounds import exactly
from benchmarks.gates import (
    code_location,
    contracts,
    elsewhere,
    flood,
    from_nothing,
    isolation,
    rebuild,
    rows,
    trust_audit,
    trust_calibration,
    trust_independent,
    trust_overall,
    trust_recall,
    trust_stored,
    trust_why,
    valuation_accuracy,
    valuation_comparables,
    valuation_lucas,
    valuation_online,
    valuation_ratio_study,
    valuation_stage,
    valuation_tracts,
)
from benchmarks.gates.demo import Demo, DemoError, built_demo
from benchmarks.gates.line import Gate, gate
from benchmarks.report import ROOT, conclude, may_hold, selected

OF_TRUST: tuple[ModuleType, ...] = (
    trust_calibration, trust_independent, trust_why, trust_recall, trust_stored, trust_overall, trust_audit,
)  # fmt: skip
# The stage first: what it runs again is what the others then judge.
OF_VALUATION: tuple[ModuleType, ...] = (valuation_stage, valuation_accuracy, valuation_comparables, valuation_online)
ON_THE_DEMO: tuple[ModuleType, ...] = (rows, flood, contracts, rebuild, *OF_TRUST, *OF_VALUATION)
BY_THEMSELVES: tuple[ModuleType, ...] = (
    elsewhere, isolation, code_location, valuation_ratio_study, valuation_lucas, valuation_tracts,
)  # fmt: skip
LONG: tuple[ModuleType, ...] = (from_nothing,)
DEMO_PREFIX = "spine.demo"
Tell = Callable[[str], None]


def main() -> int:
    """Check what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gates", description="Check what the project promises.")
    parser.add_argument(
        "--only", default="", metavar="PREFIX", help="lines whose names begin so, for example spine.rows"
    )
    parser.add_argument("--long", action="store_true", help="also what takes longer than some minutes")
    arguments = parser.parse_args()
    with Console(stderr=True).status("checking") as status:
        found = list(checked(arguments.only, arguments.long, lambda text: status.update(text)))
    return conclude(found, ROOT / "gates.json")


def checked(only: str, long: bool, tell: Tell) -> Iterator[Gate]:
    """The lines asked for; the demo is built only where one needs it, and then how it stands is a line too."""
    wanted = [*ON_THE_DEMO, *(LONG if long else ())]
    on_the_demo = [module for module in wanted if may_hold(module.PREFIX, only)]
    if on_the_demo or may_hold(DEMO_PREFIX, only):
        yield from _on_the_demo(on_the_demo, only, tell)
    for module in BY_THEMSELVES:
        if may_hold(module.PREFIX, only):
            yield from _lines_of(module, only, tell)


def _on_the_demo(modules: Sequence[ModuleType], only: str, tell: Tell) -> Iterator[Gate]:
    try:
        with built_demo(tell) as demo:
            yield gate(f"{DEMO_PREFIX}.stages_failing", len(demo.failing), exactly(0), note="; ".join(demo.failing))
            for module in modules:
                yield from _lines_of(module, only, tell, demo)
    except DemoError as error:
        yield _broken(DEMO_PREFIX, error)


def _lines_of(module: ModuleType, only: str, tell: Tell, *demo: Demo) -> Iterator[Gate]:
    """A module's lines; what it could not finish becomes a line that does not hold, whatever was asked for."""
    tell(f"checking {module.PREFIX}")
    try:
        yield from (line for line in module.lines(*demo) if selected(line["name"], only))
    except Exception as error:
        yield _broken(module.PREFIX, error)


def _broken(prefix: str, error: Exception) -> Gate:
    text = f"{type(error).__name__}: {error}"
    return gate(f"{prefix}.could_be_checked", 0, exactly(1), note=text[-600:])


if __name__ == "__main__":
    sys.exit(main())

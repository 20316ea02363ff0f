"""How every benchmark here is timed and how it reports.

Belongs here: interleaved rounds, the machine's load, the shape of a result. Does not belong here: anything about what
is measured.

Contenders take turns within a round, so that a busy minute of a shared machine falls on all of them alike, and ratios
of medians are reported rather than seconds: on another machine the ratio is what carries over.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict


class Result(TypedDict):
    """One line of bench.json. ratio compares `value` with `peer`'s, over 1 when ours is the better of the two.

    must and goal are the least ratios asked for, None where none is; holds and reached compare with them, and are
    None where the benchmark could not run, which `note` then explains. load is the one-minute load average at the end.
    """

    name: str
    value: float | None
    unit: str
    peer: str
    ratio: float | None
    must: float | None
    goal: float | None
    holds: bool | None
    reached: bool | None
    load: float
    note: str


@dataclass(frozen=True)
class Contender:
    """Something to time. `prepare` runs before each `run`, untimed, and its value is what `run` gets."""

    name: str
    prepare: Callable[[], Any]
    run: Callable[[Any], Any]


def median_seconds(
    contenders: Sequence[Contender], rounds: int, on_first: Callable[[str, Any], None] | None = None
) -> dict[str, float]:
    """Median wall-clock seconds of each contender over interleaved rounds.

    One round before them warms up and is not counted; `on_first` is given each contender's answer of that round, to
    check that all of them did the same work.
    """
    seconds: dict[str, list[float]] = {contender.name: [] for contender in contenders}
    for number in range(rounds + 1):
        for contender in contenders:
            prepared = contender.prepare()
            started = time.perf_counter()
            answer = contender.run(prepared)
            elapsed = time.perf_counter() - started
            if number:
                seconds[contender.name].append(elapsed)
            elif on_first is not None:
                on_first(contender.name, answer)
    return {name: statistics.median(times) for name, times in seconds.items()}


@contextlib.contextmanager
def one_cpu() -> Iterator[None]:
    """Keep the process and all threads it starts on one CPU, where the system allows it: one thread each, truly."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def result(
    name: str,
    value: float,
    unit: str,
    peer: str,
    ratio: float,
    must: float | None = None,
    goal: float | None = None,
    note: str = "",
) -> Result:
    """A measured line."""
    return Result(
        name=name,
        value=value,
        unit=unit,
        peer=peer,
        ratio=ratio,
        must=must,
        goal=goal,
        holds=must is None or ratio >= must,
        reached=goal is None or ratio >= goal,
        load=os.getloadavg()[0],
        note=note,
    )


def not_run(name: str, unit: str, must: float | None, goal: float | None, why: str) -> Result:
    """A line for what could not be measured here, and why."""
    return Result(
        name=name,
        value=None,
        unit=unit,
        peer="",
        ratio=None,
        must=must,
        goal=goal,
        holds=None,
        reached=None,
        load=os.getloadavg()[0],
        note=f"not run: {why}",
    )


def print_table(results: Sequence[Result]) -> None:
    """Print results for people; the load average stands beside every line."""
    width = max([len(line["name"]) for line in results] + [4])
    print(f"{'name':{width}}  {'value':>12}  {'unit':9}  {'ratio':>7}  {'must':>5}  {'goal':>5}  {'load':>4}  peer")
    for line in results:
        value = "-" if line["value"] is None else f"{line['value']:,.0f}"
        ratio = "-" if line["ratio"] is None else f"{line['ratio']:.2f}"
        marks = [("-" if line[key] is None else f"{line[key]:g}") for key in ("must", "goal")]
        verdict = {True: "", False: "  MISSED", None: ""}[line["holds"]]
        print(
            f"{line['name']:{width}}  {value:>12}  {line['unit']:9}  {ratio:>7}  {marks[0]:>5}  {marks[1]:>5}  "
            f"{line['load']:4.1f}  {line['peer']}{'; ' if line['note'] and line['peer'] else ''}{line['note']}{verdict}"
        )

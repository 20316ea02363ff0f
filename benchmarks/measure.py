"""How every benchmark here is timed and how it reports.

Belongs here: interleaved rounds, the machine's load, the shape of a result. Does not belong here: anything about what
is measured, and printing (`report.py`).

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

from benchmarks.bounds import Bound, at_least


class Result(TypedDict):
    """One line of bench.json.

    ratio sets `value` beside the peer's; whether more or less of it is good, the bounds say. must and goal are bounds
    such as `>= 4`: on the ratio where there is one, else on the value; None where nothing is asked. holds and reached
    compare with them; what could not be run holds nothing, and `note` then says why. load is the one-minute load
    average at the end.
    """

    name: str
    value: float | None
    unit: str
    peer: str
    ratio: float | None
    must: str | None
    goal: str | None
    holds: bool
    reached: bool
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
    peer: str = "",
    ratio: float | None = None,
    must: Bound | float | None = None,
    goal: Bound | float | None = None,
    note: str = "",
) -> Result:
    """A measured line. A bound that is a plain number is the least ratio asked for."""
    judged = value if ratio is None else ratio
    must, goal = _bound(must), _bound(goal)
    return Result(
        name=name,
        value=value,
        unit=unit,
        peer=peer,
        ratio=ratio,
        must=_written(must),
        goal=_written(goal),
        holds=must is None or must.holds(judged),
        reached=goal is None or goal.holds(judged),
        load=os.getloadavg()[0],
        note=note,
    )


def not_run(name: str, unit: str, must: Bound | float | None, goal: Bound | float | None, why: str) -> Result:
    """A line for what could not be measured here, and why: nothing was shown, so nothing holds."""
    return Result(
        name=name,
        value=None,
        unit=unit,
        peer="",
        ratio=None,
        must=_written(_bound(must)),
        goal=_written(_bound(goal)),
        holds=must is None,
        reached=goal is None,
        load=os.getloadavg()[0],
        note=f"not run: {why}",
    )


def _bound(given: Bound | float | None) -> Bound | None:
    return at_least(given) if isinstance(given, int | float) else given


def _written(bound: Bound | None) -> str | None:
    return None if bound is None else str(bound)

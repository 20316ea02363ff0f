"""One line of gates.json.

Belongs here: its shape, and how a promise that could not be looked at is written. Does not belong here: any promise.
"""

from __future__ import annotations

from typing import TypedDict

from benchmarks.bounds import Bound, Value


class Gate(TypedDict):
    """name: area, then what. value: what was found, or `not run: <why>`. must: below it an issue is not resolved; goal:
    what we are after. holds and reached compare with them; a promise that was not looked at does not hold."""

    name: str
    value: Value
    must: str | None
    goal: str | None
    holds: bool
    reached: bool
    note: str


def gate(name: str, value: Value | None, must: Bound, goal: Bound | None = None, note: str = "") -> Gate:
    """A promise and what was found. None: there was nothing to find, which keeps no promise."""
    found: Value = "none found" if value is None else value
    return Gate(
        name=name,
        value=found,
        must=str(must),
        goal=None if goal is None else str(goal),
        holds=must.holds(found),
        reached=(goal or must).holds(found),
        note=note,
    )


def not_run(name: str, must: Bound, why: str) -> Gate:
    """A promise that could not be looked at here, and why."""
    return gate(name, f"not run: {why}", must)

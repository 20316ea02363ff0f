"""CPU of the backend that builds the wide mart, with provenance and without.

Belongs here: reading a backend's CPU time, and the rounds. Does not belong here: the model (`trust_wide_model.py`) and
the bounds.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks import trust_wide_model

if TYPE_CHECKING:
    from psycopg import Connection


@dataclass(frozen=True)
class Times:
    """CPU seconds of the rounds that count."""

    median: float
    least: float


def quiet_session(connection: Connection[Any]) -> None:
    """One process does all the work of a statement, so that its CPU time is all there is."""
    for setting in ("max_parallel_workers_per_gather", "max_parallel_maintenance_workers"):
        connection.execute(f"set {setting} = 0")


def cpu_rounds(connection: Connection[Any], tenants: Sequence[str], rounds: int) -> dict[bool, Times]:
    """with provenance? -> CPU seconds of staging one tenant's mart. One round warms up; who begins takes turns."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    tenant_id = tenants[0]
    for number in range(rounds + 1):
        for with_provenance in (False, True) if number % 2 else (True, False):
            before = cpu_of_backend(connection)
            trust_wide_model.stage(connection, tenant_id, with_provenance=with_provenance)
            after = cpu_of_backend(connection)
            if number and before is not None and after is not None:
                seconds[with_provenance].append(after - before)
    return {which: Times(statistics.median(times), min(times)) for which, times in seconds.items()}


def cpu_of_backend(connection: Connection[Any]) -> float | None:
    """CPU seconds that the connection's backend has used so far; None where the system does not tell."""
    pid = connection.execute("select pg_backend_pid()").fetchall()[0][0]
    try:
        # The second field, the program's name, may hold blanks: what follows it begins after the last parenthesis.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

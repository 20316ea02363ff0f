"""CPU of the backend that builds a mart, with its provenance and without.

Belongs here: reading a backend's CPU time, the rounds, and the SQL of the product's own models as dbt compiles it. Does
not belong here: the wide model (`trust_wide_model.py`), and the bounds.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psycopg import Connection

    from real_estate_assets.settings import Settings


_SUPPORTS = "_(evidence_nos?|record_nos?|public_sha256|checks_failed)$"


@dataclass(frozen=True)
class Times:
    """CPU seconds of the rounds that count."""

    median: float
    least: float


def quiet_session(connection: Connection[Any]) -> None:
    """One process does all the work of a statement, so that its CPU time is all there is."""
    for setting in ("max_parallel_workers_per_gather", "max_parallel_maintenance_workers"):
        connection.execute(f"set {setting} = 0")


def cpu_rounds(connection: Connection[Any], build: Callable[[bool], object], rounds: int) -> dict[bool, Times]:
    """With provenance? -> CPU seconds of `build`. One round warms up; who begins takes turns."""
    seconds: dict[bool, list[float]] = {True: [], False: []}
    for number in range(rounds + 1):
        for with_provenance in (False, True) if number % 2 else (True, False):
            before = cpu_of_backend(connection)
            build(with_provenance)
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


def compiled_model(settings: Settings, name: str, tenant_id: str) -> str:
    """A model's SQL as dbt hands it to `tenancy.stage`. Raises RuntimeError where dbt does not show it."""
    from real_estate_assets.stores.dbt_process import run_dbt

    lines: list[str] = []
    done = run_dbt(settings, ["compile", "--select", name], tenant_ids=[tenant_id], tell=lines.append)
    start = next((n for n, line in enumerate(lines) if line.endswith(f"Compiled node '{name}' is:")), None)
    if not done.is_ok or start is None:
        raise RuntimeError(f"dbt did not compile {name}:\n{done.tail}")
    return "\n".join(lines[start + 1 :])


def without_provenance(connection: Connection[Any], mart: str, sql: str) -> str:
    """The same model without evidence, locators and masks: what nobody selects, Postgres does not compute.

    Why a value is null stays: that is what the mart says instead of it.
    """
    query = "select field from prov.field_map where mart = %s and not (field_group = 'provenance' and field ~ %s)"
    fields = ", ".join(f'"{field}"' for (field,) in connection.execute(query, (mart, _SUPPORTS)).fetchall())
    return f"select {fields} from ({sql}) as model"

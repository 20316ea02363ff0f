"""Building all models for many tenants by one dbt process, beside the same SQL sent straight to Postgres.

`python -m benchmarks.model_build [--tenants 1 10 100] [--rounds 3]`. Tenants are small (500 properties in two
vintages), which is the hard case: dbt's own time does not depend on their size. The floor is what dbt sends, caught
from a real build: staging, tests and publication, by as many connections as dbt has threads. dbt's start-up (importing
itself, parsing the project) is counted, and shown apart.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Iterator, Sequence

from benchmarks.bounds import at_most
from benchmarks.dbt_statements import Statements, catch, send
from benchmarks.measure import Contender, Result, median_seconds, result
from benchmarks.report import printer, table
from benchmarks.synthetic_tenants import PROPERTIES, add_tenants
from benchmarks.throwaway import throwaway_cluster
from real_estate_assets.settings import Settings
from real_estate_assets.stores.dbt_process import build_arguments, ensure_manifest, load_seeds, run_dbt
from real_estate_assets.stores.warehouse import Warehouse

PREFIX = "spine.model_build"
COUNTS, COUNTS_LONG = (1, 10, 100), (1, 10, 100, 1000)
MUSTS = {100: at_most(1.5)}
GOALS = {1000: at_most(1.2)}
ROUNDS_OF_A_THOUSAND = 1


def run(long: bool = False, counts: Sequence[int] = (), rounds: int = 3) -> list[Result]:
    """Measure at each number of tenants. long: also at 1,000, which takes half an hour."""
    counts = counts or (COUNTS_LONG if long else COUNTS)
    with throwaway_cluster() as cluster:
        settings = cluster.settings
        warehouse = Warehouse(settings.dsn("owner"), settings.dsn("app"))
        tenants = [f"tenant-{number:04d}" for number in range(max(counts))]
        add_tenants(warehouse, tenants)
        ensure_manifest(settings)
        load_seeds(settings, ["field_tolerance", "hazard_score_scale"])
        statements = catch(settings, tenants[0])
        start_ups: list[float] = []
        lines = list(_measured(settings, statements, tenants, counts, rounds, start_ups))
    note = "importing dbt and parsing the project, in every line above"
    return [*lines, result(f"{PREFIX}.dbt_start_up", statistics.median(start_ups), "s", note=note)]


def _measured(
    settings: Settings, statements: Statements, tenants: Sequence[str], counts: Sequence[int], rounds: int,
    start_ups: list[float],
) -> Iterator[Result]:  # fmt: skip
    for count in counts:
        chosen = tenants[:count]
        by_dbt = Contender("dbt", lambda: None, lambda _, chosen=chosen: start_ups.append(_build(settings, chosen)))
        floor = Contender("floor", lambda: None, lambda _, chosen=chosen: send(settings, statements, chosen))
        seconds = median_seconds([by_dbt, floor], ROUNDS_OF_A_THOUSAND if count >= 1000 else rounds)
        yield result(
            f"{PREFIX}.tenants_{count}", seconds["dbt"], "s", f"the same SQL without dbt {seconds['floor']:.2f} s",
            seconds["dbt"] / seconds["floor"], MUSTS.get(count), GOALS.get(count),
            f"{len(statements.by_node)} models and tests, {PROPERTIES} properties a tenant",
        )  # fmt: skip


def _build(settings: Settings, tenant_ids: Sequence[str]) -> float:
    """Build with the product's own call of dbt. Returns seconds until its first node started."""
    started = time.perf_counter()
    first_node: list[float] = []

    def tell(line: str) -> None:
        if not first_node and " START " in line:
            first_node.append(time.perf_counter() - started)

    done = run_dbt(settings, build_arguments(), tenant_ids=tenant_ids, tell=tell)
    if not done.is_ok:
        raise RuntimeError(f"dbt did not build the tenants:\n{done.tail}")
    return first_node[0]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tenants", type=int, nargs="+", default=COUNTS, help="numbers of tenants (default 1 10 100)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds that count (default 3)")
    arguments = parser.parse_args()
    printer().print(table(run(counts=arguments.tenants, rounds=arguments.rounds)))


if __name__ == "__main__":
    main()

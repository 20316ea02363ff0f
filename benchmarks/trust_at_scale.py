"""What provenance costs, and how fast trust is read, at 1,000,000 properties of ten tenants, made from real rows.

`python -m benchmarks.trust_at_scale [--properties 100000] [--tenants 10] [--rounds 12]`. Every line is a ratio within
one run: the mart with provenance against the same without; `prov.why` against a look-up of the same row by its key; a
recall against an update of one row; the low-trust list against counting the rows of the same heap.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks import trust_reading, trust_wide_model
from benchmarks.bounds import at_most
from benchmarks.measure import Result, not_run, result
from benchmarks.report import printer, table
from benchmarks.trust_build import (
    Times,
    compiled_model,
    cpu_of_backend,
    cpu_rounds,
    quiet_session,
    without_provenance,
)
from benchmarks.trust_estate import PROPERTIES, TENANTS, Estate, built_estate

PREFIX = "trust.scale"
ROUNDS, OWN_ROUNDS = 12, 4  # of the wide mart, which the bound is for; of the product's own, which are larger
BYTES = (at_most(1.2), at_most(0.75))  # a cell: must, goal
GROWTH = (at_most(1.18), at_most(1.10))  # of the heap
CPU = (at_most(1.20), at_most(1.10))  # of the build
# The product's own models with their keys: their rows weigh more and explain their nulls, so provenance weighs less.
OWN_MODELS = {
    "dim_properties": "create unique index on %s (property_id)",
    "fct_property_hazards": "create unique index on %s (property_id, peril)",
}


def run(properties: int = PROPERTIES, tenants: int = TENANTS, rounds: int = ROUNDS) -> list[Result]:
    """Build the estate once and measure everything on it. properties: of each tenant; rounds: of building."""
    with built_estate(properties, tenants) as estate:
        lines = [*_built(estate, rounds), *_sized(estate)]
        lines += trust_reading.measured(PREFIX, estate)
    return lines


def _built(estate: Estate, rounds: int) -> Iterator[Result]:
    """CPU of the backend that builds one tenant's marts, with provenance and without, in turn."""
    tenant_id = estate.tenants[0]
    with estate.warehouse.as_owner() as connection:
        if cpu_of_backend(connection) is None:
            why = "the CPU time of a Postgres backend cannot be read on this system"
            yield not_run(f"{PREFIX}.build_cpu.{trust_wide_model.NAME}", "CPU s", *CPU, why)
            return
        quiet_session(connection)

        def build_wide(with_provenance: bool) -> object:
            return trust_wide_model.stage(connection, tenant_id, with_provenance=with_provenance)

        yield _cpu_line(trust_wide_model.NAME, cpu_rounds(connection, build_wide, rounds), rounds, estate)
        for mart, finish in OWN_MODELS.items():
            whole = compiled_model(estate.settings, mart, tenant_id)
            sql = {True: whole, False: without_provenance(connection, mart, whole)}

            def build(with_provenance: bool, mart: str = mart, finish: str = finish, sql: Any = sql) -> object:
                return trust_wide_model.stage_sql(
                    connection, tenant_id, mart, sql[with_provenance], [finish], with_provenance=with_provenance
                )

            yield _cpu_line(mart, cpu_rounds(connection, build, OWN_ROUNDS), OWN_ROUNDS, estate)
        trust_wide_model.discard(connection, tenant_id)


def _cpu_line(mart: str, seconds: Mapping[bool, Times], rounds: int, estate: Estate) -> Result:
    ours, bare = seconds[True], seconds[False]
    return result(
        f"{PREFIX}.build_cpu.{mart}", ours.median, "CPU s", f"without provenance {bare.median:.2f}",
        ours.median / bare.median, *CPU,
        f"median of {rounds} in turn, {estate.properties:,} properties; of the least {ours.least / bare.least:.3f}",
    )  # fmt: skip


def _sized(estate: Estate) -> Iterator[Result]:
    """The heaps of all tenants' marts, with provenance and without, staged in the same order."""
    size = {True: 0, False: 0}
    rows = 0
    with estate.warehouse.as_owner() as connection:
        for tenant_id in estate.tenants:
            for with_provenance in (False, True):
                heap = trust_wide_model.stage(connection, tenant_id, with_provenance=with_provenance)
                found = connection.execute(f"select pg_relation_size('{heap}'), count(*) from {heap}").fetchall()[0]
                size[with_provenance] += found[0]
            rows += found[1]
            trust_wide_model.discard(connection, tenant_id)
    cells = rows * sum(map(len, trust_wide_model.FIELDS.values()))
    added = (size[True] - size[False]) / cells
    note = f"{rows:,} rows, {cells:,} cells; the bare heap is {size[False] / 1e6:,.0f} MB"
    yield result(f"{PREFIX}.bytes_a_cell", added, "bytes", must=BYTES[0], goal=BYTES[1], note=note)
    yield result(
        f"{PREFIX}.heap", size[True] / 1e6, "MB", f"without provenance {size[False] / 1e6:,.0f} MB",
        size[True] / size[False], *GROWTH,
    )  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--properties", type=int, default=PROPERTIES, help="properties a tenant (default 100,000)")
    parser.add_argument("--tenants", type=int, default=TENANTS, help="number of tenants (default 10)")
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="rounds of building that count (default 12)")
    arguments = parser.parse_args()
    printer().print(table(run(arguments.properties, arguments.tenants, arguments.rounds)))


if __name__ == "__main__":
    main()

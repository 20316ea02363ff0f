"""An audit of 3,000 cells of the demo's tenants: seconds, and milliseconds a cell.

`python -m benchmarks.trust_audit [--cells 3000]`. The auditor opens each file it needs, hashes it, reads it by its own
readers and derives the cells anew: most of the time goes into files, so a larger audit costs little more. Nothing is
written down.
"""

from __future__ import annotations

import argparse
import time

from benchmarks.bounds import at_most
from benchmarks.gates.demo import TENANTS
from benchmarks.measure import Result, result
from benchmarks.report import printer, table
from benchmarks.trust_estate import original_warehouse
from real_estate_assets.settings import get_settings

PREFIX = "trust.audit"
CELLS = 3000
GOAL = at_most(60)


def run(cells: int = CELLS) -> list[Result]:
    """One audit. cells: over all tenants together. Raises RuntimeError where a cell is wrong or was not audited."""
    from auditor import MATCH
    from real_estate_assets.defs.trust.auditing import run_audit

    original_warehouse()  # the demo is there, or is built now
    started, used = time.perf_counter(), time.process_time()
    found = run_audit(get_settings(), TENANTS, seed="a public seed", cells=cells, record=False)
    seconds, cpu = time.perf_counter() - started, time.process_time() - used
    if not found.is_clean:
        raise RuntimeError(f"{found.cells - found.count(MATCH)} of {found.cells} cells do not match: time says nothing")
    note = f"{found.cells:,} cells of {len(TENANTS)} tenants, {cpu:.0f} CPU seconds of the auditor; {found.bound}"
    return [
        result(f"{PREFIX}.seconds", seconds, "s", goal=GOAL, note=note),
        result(f"{PREFIX}.a_cell", seconds / found.cells * 1000, "ms"),
    ]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, default=CELLS, help="cells over all tenants (default 3,000)")
    printer().print(table(run(parser.parse_args().cells)))


if __name__ == "__main__":
    main()

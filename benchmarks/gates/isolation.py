"""Tenancy: no login gets at another tenant's row, and a planted leak is caught.

Belongs here: running the attacks of tests/tenancy and reporting their numbers. Does not belong here: the attacks, which
are tests like any other. They run on a throwaway cluster, because planting leaks in this clone's data would be one.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from pathlib import Path

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.line import Gate, gate
from benchmarks.report import ROOT
from benchmarks.throwaway import throwaway_cluster

PREFIX = "spine.tenancy"
ATTEMPTS = at_least(300)
LEAK_TESTS = "tests/tenancy/test_planted_leaks.py"


def lines() -> Iterator[Gate]:
    """The matrix of attempts, then the planted leaks."""
    from tests.tenancy.attacks import STRANGER, attackers, run_matrix
    from tests.tenancy.seeding import plant_estate

    with throwaway_cluster() as cluster:
        with cluster.superuser() as connection:
            connection.execute(f"create role {STRANGER} login password '{STRANGER}'")
        estate = plant_estate(cluster.settings)
        report = run_matrix(estate, attackers(estate))
    by_login = ", ".join(f"{name} {count:,}" for name, count in sorted(report.attempts.items()))
    yield gate(f"{PREFIX}.attempts", report.total, ATTEMPTS, note=by_login)
    breaches = "; ".join(f"{one.attacker} on {one.target}: {one.attempt}: {one.what}" for one in report.breaches[:5])
    yield gate(f"{PREFIX}.breaches", len(report.breaches), at_most(0), note=breaches)
    own = sum(rows > 0 for rows in report.own_rows.values())
    yield gate(f"{PREFIX}.own_rows_seen", own, at_least(1), note="reads by which a login saw its own tenant's rows")
    yield _planted_leaks()


def _planted_leaks() -> Gate:
    """Each leak is one test; caught are those that pass."""
    from tests.tenancy.test_planted_leaks import LEAKS

    with tempfile.TemporaryDirectory() as folder:
        results = Path(folder) / "results.xml"
        command = [sys.executable, "-m", "pytest", LEAK_TESTS, "-q", "-p", "no:cacheprovider", f"--junitxml={results}"]
        subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
        cases = ElementTree.parse(results).getroot().iter("testcase")
    of_leaks = [case for case in cases if case.get("name", "").startswith("test_planted_leak_is_found")]
    missed = [case.get("name", "") for case in of_leaks if _went_wrong(case)]
    caught = len(of_leaks) - len(missed)
    return gate(f"{PREFIX}.planted_leaks_caught", caught, exactly(len(LEAKS)), note=", ".join(missed))


def _went_wrong(case: ElementTree.Element) -> bool:
    return any(case.find(kind) is not None for kind in ("failure", "error", "skipped"))

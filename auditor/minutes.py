"""What an audit found, in numbers and in words, and as rows of prov.audit_*.

Belongs here: counting verdicts, the bound they give, writing them down. Does not belong here: examining, or the
terminal.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import psycopg

from auditor.examining import MATCH, MISMATCH, NOT_AUDITED, Verdict

CONFIDENCE = 0.95
TRIES = 5


@dataclass(frozen=True, slots=True)
class Tally:
    """Cells of one method and field group."""

    method: str
    field_group: str
    matched: int
    mismatched: int
    not_audited: int

    @property
    def cells(self) -> int:
        """All cells drawn."""
        return self.matched + self.mismatched + self.not_audited


@dataclass(slots=True)
class TenantAudit:
    """The audit of one tenant. `audit_no` is None where nothing was written."""

    tenant_id: str
    started_at: datetime
    seconds: float
    verdicts: list[Verdict] = field(repr=False)
    audit_no: int | None = None

    def count(self, verdict: str) -> int:
        """How many cells got a verdict."""
        return sum(v.verdict == verdict for v in self.verdicts)

    @property
    def findings(self) -> list[Verdict]:
        """Every cell that did not match: mismatches first."""
        return sorted((v for v in self.verdicts if v.verdict != MATCH), key=lambda v: v.verdict != MISMATCH)

    @property
    def tallies(self) -> list[Tally]:
        """Counts by method and field group."""
        counted = Counter((v.method, v.field_group, v.verdict) for v in self.verdicts)
        names = sorted({(method, group) for method, group, _ in counted})
        return [Tally(*n, *(counted[(*n, verdict)] for verdict in (MATCH, MISMATCH, NOT_AUDITED))) for n in names]


@dataclass(slots=True)
class Summary:
    """An audit of several tenants with one seed."""

    seed: str
    auditor_sha256: str
    tenants: list[TenantAudit]

    def count(self, verdict: str) -> int:
        """Cells with a verdict over all tenants."""
        return sum(tenant.count(verdict) for tenant in self.tenants)

    @property
    def cells(self) -> int:
        """Cells drawn."""
        return sum(len(tenant.verdicts) for tenant in self.tenants)

    @property
    def is_clean(self) -> bool:
        """Whether every cell was audited and matched, and there was one."""
        return self.cells > 0 and self.count(MATCH) == self.cells

    @property
    def bound(self) -> str:
        """What the count says about all cells, in words."""
        return bound_in_words(self.count(MISMATCH), self.count(MATCH) + self.count(MISMATCH))


def upper_bound(wrong: int, cells: int, confidence: float = CONFIDENCE) -> float:
    """The share of wrong cells that would show no more than `wrong` of `cells` with probability 1 - confidence."""
    if cells == 0 or wrong >= cells:
        return 1.0
    low, high = wrong / cells, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at_most(wrong, cells, middle) > 1 - confidence else (low, middle)
    return high


def _at_most(wrong: int, cells: int, share: float) -> float:
    """Probability of at most `wrong` wrong cells among `cells`; by logarithms, since single terms may be tiny."""
    if not 0 < share < 1:
        return float(share <= 0)
    total = 0.0
    for k in range(wrong + 1):
        choices = math.lgamma(cells + 1) - math.lgamma(k + 1) - math.lgamma(cells - k + 1)
        total += math.exp(choices + k * math.log(share) + (cells - k) * math.log1p(-share))
    return total


def bound_in_words(wrong: int, cells: int) -> str:
    """For example `0 of 3,000 cells are wrong: the share of wrong ones lies below 0.1 % (95 % confidence)`."""
    if cells == 0:
        return "no cell was audited, so nothing can be said"
    share = upper_bound(wrong, cells) * 100
    return f"{wrong:,} of {cells:,} cells are wrong: the share of wrong ones lies below {share:.2g} % (95 % confidence)"


def write(connection: psycopg.Connection[Any], audit: TenantAudit, seed: str, auditor_sha256: str) -> int:
    """Writes the verdicts as the tenant's next audit and returns its number.

    Raises psycopg.Error where the database refuses.
    """
    for attempt in range(TRIES):
        try:
            with connection.transaction():
                audit.audit_no = _write(connection, audit, seed, auditor_sha256)
                return audit.audit_no
        except psycopg.errors.UniqueViolation:  # another audit of this tenant took the number
            if attempt == TRIES - 1:
                raise
    raise AssertionError("unreachable")


def _write(connection: psycopg.Connection[Any], audit: TenantAudit, seed: str, auditor_sha256: str) -> int:
    tenant = audit.tenant_id
    number: int = connection.execute(
        "insert into prov.audit_run (tenant_id, audit_no, seed, auditor_sha256, started_at, cells, matched, mismatched,"
        " not_audited) select %s, coalesce(max(audit_no), 0) + 1, %s, %s, %s, %s, %s, %s, %s from prov.audit_run"
        " where tenant_id = %s returning audit_no",
        [
            tenant, seed, auditor_sha256, audit.started_at, len(audit.verdicts), audit.count(MATCH),
            audit.count(MISMATCH), audit.count(NOT_AUDITED), tenant,
        ],
    ).fetchone()[0]  # type: ignore[index]  # fmt: skip
    with connection.cursor() as cursor:
        # COPY knows no row-level security.
        cursor.executemany(
            "insert into prov.audit_cell (tenant_id, audit_no, cell_no, mart, row_key, field, field_group, method,"
            " verdict, expected, found, what) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    tenant, number, cell_no, v.mart, json.dumps(v.row_key, sort_keys=True), v.field, v.field_group,
                    v.method, v.verdict, v.expected, v.found, v.what,
                )
                for cell_no, v in enumerate(audit.verdicts, start=1)
            ],
        )  # fmt: skip
        cursor.executemany(
            "insert into prov.audit_method (tenant_id, audit_no, method, field_group, cells, matched)"
            " values (%s, %s, %s, %s, %s, %s)",
            [(tenant, number, t.method, t.field_group, t.matched + t.mismatched, t.matched) for t in audit.tallies],
        )
    return number

"""The independent auditor: opens the files again, derives cells again, compares with what the marts say.

It is a program of its own. Nothing here is imported from the platform, and the platform's rules are written here a
second time, from its documentation (docs/audit.md): a misreading that both shared would otherwise pass. What is shared
is what can be looked at: the database, the stored bytes, the reviewed tables of constants.

    summary = auditor.run(dsn, open_object, ["charles-river"], references, seed="2026-11-24")
"""

from __future__ import annotations

from auditor.drawing import LowTrust
from auditor.examining import MATCH, MISMATCH, NOT_AUDITED, Verdict
from auditor.minutes import Summary, Tally, TenantAudit
from auditor.running import own_sha256, run

__all__ = [
    "MATCH",
    "MISMATCH",
    "NOT_AUDITED",
    "LowTrust",
    "Summary",
    "Tally",
    "TenantAudit",
    "Verdict",
    "own_sha256",
    "run",
]

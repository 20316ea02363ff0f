"""An audit from beginning to end: connect, draw, examine, write down.

Belongs here: the order of work and the auditor's own fingerprint. Does not belong here: any rule, any output.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib import resources
from typing import Any

import psycopg

from auditor import minutes
from auditor.book import Book
from auditor.desk import Desk
from auditor.drawing import LowTrust, draw
from auditor.examining import Examiner
from auditor.ledger import Ledger
from auditor.minutes import Summary, TenantAudit
from auditor.objects import OpenObject

APPLICATION_NAME = "auditor"
CELLS = 3000


def run(
    dsn: str,
    open_object: OpenObject,
    tenants: Sequence[str],
    references: Mapping[str, Any],
    *,
    seed: str,
    cells: int = CELLS,
    low_trust: Mapping[str, Sequence[LowTrust]] | None = None,
    record: bool = True,
    progress: Callable[[str], None] = lambda _: None,
) -> Summary:
    """Audits `cells` cells, shared equally among the tenants.

    `dsn`: a login that may read these tenants through the setting app.tenant_id. `references`: the reviewed description
    of the public layers. `low_trust`: cells by tenant that the platform trusts little; a tenth more comes from them.
    `record`: whether verdicts are written to prov.audit_*. Raises psycopg.Error where the database refuses.
    """
    fingerprint = own_sha256()
    each = -(-cells // max(1, len(tenants)))
    audits = []
    for tenant_id in tenants:
        progress(tenant_id)
        # A connection a tenant: what one session has seen of a tenant, its plans and its setting, ends with it.
        with psycopg.connect(dsn, autocommit=True, application_name=APPLICATION_NAME) as connection:
            ledger = Ledger(connection, tenant_id)
            audit = _audit(ledger, open_object, references, seed, each, (low_trust or {}).get(tenant_id, ()))
            if record:
                minutes.write(connection, audit, seed, fingerprint)
        audits.append(audit)
    return Summary(seed, fingerprint, audits)


def _audit(
    ledger: Ledger,
    open_object: OpenObject,
    references: Mapping[str, Any],
    seed: str,
    cells: int,
    low_trust: Sequence[LowTrust],
) -> TenantAudit:
    started, clock = datetime.now(UTC), time.monotonic()
    drawn = draw(ledger, seed, cells, low_trust)
    examiner = Examiner(Desk(Book(ledger, open_object, dict(references))))
    verdicts = [examiner.examine(cell) for cell in drawn]
    return TenantAudit(ledger.tenant_id, started, time.monotonic() - clock, verdicts)


def own_sha256() -> str:
    """A fingerprint of the auditor's own sources: verdicts name the program that gave them."""
    digest = hashlib.sha256()
    for name, text in sorted(_sources(resources.files("auditor"), "auditor")):
        digest.update(name.encode() + b"\0" + text + b"\0")
    return digest.hexdigest()


def _sources(folder: Any, path: str) -> list[tuple[str, bytes]]:
    found = []
    for entry in folder.iterdir():
        name = f"{path}/{entry.name}"
        if entry.is_dir():
            found.extend(_sources(entry, name))
        elif entry.name.endswith(".py"):
            found.append((name, entry.read_bytes()))
    return found

"""How a tenant stands: counts from its marts, its quarantine and its outcomes, as the app role sees them.

Belongs here: reading a few numbers for people. Does not belong here: anything that a stage decides by.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.recall import awaiting_rebuild

if TYPE_CHECKING:
    from psycopg.sql import Composed

COUNTED = (
    "dim_properties",
    "fct_assessments",
    "fct_sales",
    "fct_property_hazards",
    "dim_owners",
    "fct_ownership",
    "fct_changes",
)


_FILES = "select count(*), coalesce(sum(record_count), 0) from prov.source_file where tenant_id = %s and is_current"
_QUARANTINED = (
    "select count(distinct (q.file_no, q.record_no)) from quarantine.record q"
    " join prov.source_file f using (tenant_id, file_no) where q.tenant_id = %s and f.is_current"
)
_UNKNOWN_HAZARDS = "select count(*) from marts.fct_property_hazards where tenant_id = %s and hazard_score is null"
_LATEST = (
    "select distinct on (node_id) node_id, is_ok, severity, stage, error, at from tenancy.outcome"
    " where tenant_id = %s order by node_id, at desc"
)


class _Latest(NamedTuple):
    """The latest outcome of one node, in the order of _LATEST."""

    node_id: str
    is_ok: bool
    severity: str
    stage: str | None
    error: str | None
    at: dt.datetime

    @property
    def is_failing_stage(self) -> bool:
        """Whether a stage itself failed: not one of dbt's nodes (those have a dot), nor one that only waits."""
        return not self.is_ok and self.severity == "error" and "." not in self.node_id and self.stage != "blocked"


@dataclass(frozen=True)
class TenantSummary:
    """How one tenant stands.

    files: those that count now; rows_in: their records; quarantined: distinct ones among these; mart_rows: rows by
    mart, None where no tenant has published that mart yet; unknown_hazards: rows without a score; published_at: with
    the server's offset from UTC.
    """

    tenant_id: str
    files: int
    rows_in: int
    quarantined: int
    mart_rows: dict[str, int | None]
    unknown_hazards: int | None
    checks_passed: int
    checks_failed: int
    published_at: dt.datetime | None
    failing: dict[str, str] = field(default_factory=dict)  # stage -> what happened and what to do
    recall_changes: list[str] = field(default_factory=list)  # files recalled or restored since the marts were published


def summarize(warehouse: Warehouse, tenant_id: str) -> TenantSummary:
    """Read the numbers of one tenant; all zero or None for a tenant that has nothing yet."""
    with warehouse.as_app(tenant_id) as connection:
        files, rows_in = _row(connection, _FILES, tenant_id)
        quarantined = _row(connection, _QUARANTINED, tenant_id)[0]
        mart_rows = {mart: _mart_rows(connection, mart, tenant_id) for mart in COUNTED}
        unknown = None
        if mart_rows["fct_property_hazards"] is not None:
            unknown = _row(connection, _UNKNOWN_HAZARDS, tenant_id)[0]
        latest = [_Latest(*row) for row in connection.execute(_LATEST, (tenant_id,)).fetchall()]
    checks = [one for one in latest if one.stage == "test"]
    return TenantSummary(
        tenant_id=tenant_id,
        files=files,
        rows_in=rows_in,
        quarantined=quarantined,
        mart_rows=mart_rows,
        unknown_hazards=unknown,
        checks_passed=sum(one.is_ok for one in checks),
        checks_failed=sum(not one.is_ok for one in checks),
        published_at=max((one.at for one in latest if one.node_id == "publish" and one.is_ok), default=None),
        failing={one.node_id: one.error or "" for one in latest if one.is_failing_stage},
        recall_changes=awaiting_rebuild(warehouse, tenant_id),
    )


def change_counts(warehouse: Warehouse, tenant_id: str, limit: int = 8) -> list[tuple[str, int]]:
    """What differs most between successive vintages: (field, rows), most first."""
    with warehouse.as_app(tenant_id) as connection:
        if _mart_rows(connection, "fct_changes", tenant_id) is None:
            return []
        return connection.execute(
            "select coalesce(field, change_kind), count(*) from marts.fct_changes"
            " where tenant_id = %s group by 1 order by 2 desc, 1 limit %s",
            (tenant_id, limit),
        ).fetchall()


def _row(connection: Any, statement: str | Composed, tenant_id: str) -> Any:
    return connection.execute(statement, (tenant_id,)).fetchall()[0]


def _mart_rows(connection: Any, mart: str, tenant_id: str) -> int | None:
    from psycopg import sql

    if connection.execute("select to_regclass(%s)", (f"marts.{mart}",)).fetchall()[0][0] is None:
        return None
    statement = sql.SQL("select count(*) from {} where tenant_id = %s").format(sql.Identifier("marts", mart))
    return int(_row(connection, statement, tenant_id)[0])

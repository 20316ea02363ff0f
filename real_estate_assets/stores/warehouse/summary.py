"""How a tenant stands: counts from its marts, its quarantine and its outcomes, as the app role sees them.

Belongs here: reading a few numbers for people. Does not belong here: anything that a stage decides by.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse

COUNTED = (
    "dim_properties",
    "fct_assessments",
    "fct_sales",
    "fct_property_hazards",
    "dim_owners",
    "fct_ownership",
    "fct_changes",
)


@dataclass(frozen=True)
class TenantSummary:
    """mart_rows: rows by mart, None where the tenant has none published. unknown_hazards: rows without a score."""

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


def summarize(warehouse: Warehouse, tenant_id: str) -> TenantSummary:
    """Read the numbers of one tenant."""
    with warehouse.as_app(tenant_id) as connection:
        files, rows_in = _row(
            connection,
            "select count(*), coalesce(sum(record_count), 0) from prov.source_file where tenant_id = %s",
            tenant_id,
        )
        quarantined = _row(
            connection,
            "select count(distinct (file_no, record_no)) from quarantine.record where tenant_id = %s",
            tenant_id,
        )[0]
        mart_rows = {mart: _mart_rows(connection, mart, tenant_id) for mart in COUNTED}
        unknown = None
        if mart_rows["fct_property_hazards"] is not None:
            statement = "select count(*) from marts.fct_property_hazards where tenant_id = %s and hazard_score is null"
            unknown = _row(connection, statement, tenant_id)[0]
        latest = connection.execute(
            "select distinct on (node_id) node_id, is_ok, severity, stage, error, at from tenancy.outcome"
            " where tenant_id = %s order by node_id, at desc",
            (tenant_id,),
        ).fetchall()
    gates = [one for one in latest if one[3] == "test"]
    published = [one[5] for one in latest if one[0] == "publish" and one[1]]
    failing = {
        one[0]: one[4] or ""
        for one in latest
        if not one[1] and one[2] == "error" and "." not in one[0] and one[3] != "blocked"
    }
    return TenantSummary(
        tenant_id=tenant_id,
        files=files,
        rows_in=rows_in,
        quarantined=quarantined,
        mart_rows=mart_rows,
        unknown_hazards=unknown,
        checks_passed=sum(one[1] for one in gates),
        checks_failed=sum(not one[1] for one in gates),
        published_at=max(published, default=None),
        failing=failing,
    )


def change_counts(warehouse: Warehouse, tenant_id: str, limit: int = 8) -> list[tuple[str, int]]:
    """What differs most between successive vintages: (field, rows), most first."""
    with warehouse.as_app(tenant_id) as connection:
        if _mart_rows(connection, "fct_changes", tenant_id) is None:
            return []
        return connection.execute(  # type: ignore[return-value]
            "select coalesce(field, change_kind), count(*) from marts.fct_changes where tenant_id = %s group by 1 order by 2 desc, 1 limit %s",
            (tenant_id, limit),
        ).fetchall()


def _row(connection: Any, statement: str, tenant_id: str) -> Any:
    return connection.execute(statement, (tenant_id,)).fetchall()[0]


def _mart_rows(connection: Any, mart: str, tenant_id: str) -> int | None:
    if connection.execute("select to_regclass(%s)", (f"marts.{mart}",)).fetchall()[0][0] is None:
        return None
    return int(_row(connection, f"select count(*) from marts.{mart} where tenant_id = %s", tenant_id)[0])

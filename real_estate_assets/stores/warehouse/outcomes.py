"""What happened to each (stage, tenant): written by every stage, read before the next one starts.

Belongs here: rows of `tenancy.outcome` for the Python stages (dbt's are written by its procedures). Does not belong
here: Dagster events, which `defs/per_tenant.py` makes of the same results.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from real_estate_assets.stores.warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class Outcome:
    """One node's result for one tenant. Python stages are named by hand, e.g. `landing/source_files`; dbt's by dbt."""

    node_id: str
    tenant_id: str
    is_ok: bool
    severity: str
    stage: str | None
    row_count: int | None
    duration_ms: int | None
    failed_rows: int | None
    error: str | None


def record(
    warehouse: Warehouse, tenant_id: str, *, invocation_id: str, node_id: str, is_ok: bool, stage: str,
    duration_ms: int, row_count: int | None = None, error: str | None = None,
) -> None:  # fmt: skip
    """Write one outcome; a retry of the same run replaces its own. Nothing for a tenant that was removed meanwhile."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "insert into tenancy.outcome"
            " (invocation_id, node_id, tenant_id, is_ok, stage, row_count, duration_ms, error)"
            " select %s, %s, tenant_id, %s, %s, %s, %s, %s from tenancy.tenant where tenant_id = %s for key share"
            " on conflict (invocation_id, node_id, tenant_id) do update set"
            " is_ok = excluded.is_ok, stage = excluded.stage, row_count = excluded.row_count,"
            " duration_ms = excluded.duration_ms, error = excluded.error, at = clock_timestamp()",
            (invocation_id, node_id, is_ok, stage, row_count, duration_ms, error, tenant_id),
        )


def blocked_by(warehouse: Warehouse, tenant_id: str, upstream_nodes: Sequence[str]) -> str | None:
    """The first upstream node whose latest outcome for the tenant is a failure; None = free to go on."""
    with warehouse.as_owner() as connection:
        row = connection.execute("select tenancy.blocked_by(%s, %s)", (tenant_id, list(upstream_nodes))).fetchall()[0]
    return row[0] if row[0] is None else str(row[0])


def of_invocation(warehouse: Warehouse, tenant_ids: Sequence[str], invocation_id: str) -> list[Outcome]:
    """Outcomes of one invocation for the given tenants, in the order of happening."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select node_id, tenant_id, is_ok, severity, stage, row_count, duration_ms, failed_rows, error"
            " from tenancy.outcome where invocation_id = %s and tenant_id = any (%s) order by at",
            (invocation_id, list(tenant_ids)),
        ).fetchall()
    return [Outcome(*row) for row in rows]


def latest(warehouse: Warehouse, tenant_id: str) -> list[Outcome]:
    """The latest outcome of every node of a tenant."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            "select distinct on (node_id)"
            " node_id, tenant_id, is_ok, severity, stage, row_count, duration_ms, failed_rows, error"
            " from tenancy.outcome where tenant_id = %s order by node_id, at desc",
            (tenant_id,),
        ).fetchall()
    return [Outcome(*row) for row in rows]

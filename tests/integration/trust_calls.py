"""The database's functions of trust, called as the application of one tenant, with typed answers.

Belongs here: thin calls of `prov.why` by key, `prov.trust_summary` and `prov.trust_cells`, for the tests that hold them
against each other. Does not belong here: any arithmetic.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class GroupTrust:
    """Trust of one field group of a mart. Nulls and the platform's own record (provenance, tenant) have none.

    cells: all of them; trust_mean, trust_p10: None where no cell has a trust; histogram: cells by tenths of trust, from
    0 up to 0.1 to 0.9 up to 1.
    """

    field_group: str
    cells: int
    null_cells: int
    trust_mean: float | None
    trust_p10: float | None
    solid: int
    mixed: int
    weak: int
    histogram: Sequence[int]


@dataclass(frozen=True, slots=True)
class CellTrust:
    """One cell. trust: 0 to 1, None where it is null or the platform's own record."""

    row_key: Mapping[str, Any]
    field: str
    trust: float | None


def why_cell(
    warehouse: Warehouse,
    tenant_id: str,
    mart: str,
    key: Mapping[str, Any],
    field: str,
    as_of: dt.datetime | None = None,
) -> dict[str, Any] | None:
    """What `prov.why` answers about one cell (keys: docs/trust.md); None where the tenant has no such row.

    Another tenant's row is no row. Raises psycopg.errors.UndefinedColumn for a field that no mart has.
    """
    from psycopg.types.json import Jsonb

    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select prov.why(%s::text, %s::text, %s::jsonb, %s::text, %s::timestamptz)",
            (tenant_id, mart, Jsonb(dict(key)), field, as_of),
        ).fetchall()
    answer: dict[str, Any] | None = rows[0][0]
    return answer


def trust_summary(
    warehouse: Warehouse, tenant_id: str, mart: str, as_of: dt.datetime | None = None
) -> list[GroupTrust]:
    """Trust by field group of a tenant's mart; empty where it has no row in it."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select field_group, cells, null_cells, trust_mean, trust_p10, solid, mixed, weak, histogram"
            " from prov.trust_summary(%s, %s, %s)",
            (tenant_id, mart, as_of),
        ).fetchall()
    return [GroupTrust(*row) for row in rows]


def trust_cells(
    warehouse: Warehouse, tenant_id: str, mart: str, as_of: dt.datetime | None = None
) -> Iterator[CellTrust]:
    """Trust of every cell of a tenant's mart, row by row of the answer: a mart has millions."""
    with warehouse.as_app(tenant_id) as connection, connection.cursor() as cursor:
        statement = "select row_key, field, trust from prov.trust_cells(%s, %s, %s)"
        for row in cursor.stream(statement, (tenant_id, mart, as_of)):
            yield CellTrust(*row)

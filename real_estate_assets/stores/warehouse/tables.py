"""Whole tables of one tenant: read as rows, replaced by COPY and published together.

Belongs here: the one way by which a Python stage replaces a tenant's tables in `enrichment`. Does not belong here: what
the rows mean (`enrichment.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse


def insert_rows(connection: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert many rows into a table under row-level security, inside the caller's transaction. Returns how many.

    Postgres refuses COPY into such a table, so rows are copied into a temporary one and inserted from there.
    """
    names = ", ".join(columns)
    connection.execute(f"create temporary table incoming on commit drop as select {names} from {table} limit 0")
    count = 0
    with connection.cursor().copy(f"copy incoming ({names}) from stdin") as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    connection.execute(f"insert into {table} ({names}) select {names} from incoming")
    connection.execute("drop table incoming")
    return count


class TablePublication:
    """Stages tables of one tenant in one transaction and publishes them together, or not at all."""

    def __init__(self, connection: Any, tenant_id: str, invocation_id: str) -> None:
        self._connection = connection
        self._tenant_id = tenant_id
        self._invocation_id = invocation_id

    def stage(
        self,
        schema: str,
        table: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        indexes: Sequence[str] = (),
    ) -> int:
        """Write all rows of the tenant's table. `columns` without tenant_id; `indexes` like "(parcel_number)". Returns rows written."""
        heap = self._connection.execute(
            "select tenancy.stage_empty(%s, %s, %s, %s)", (schema, table, self._tenant_id, self._invocation_id)
        ).fetchall()[0][0]
        target = f'"{schema}__leaf"."{heap}"'
        count = 0
        names = ", ".join(("tenant_id", *columns))
        with self._connection.cursor().copy(f"copy {target} ({names}) from stdin") as copy:
            for row in rows:
                copy.write_row((self._tenant_id, *row))
                count += 1
        for index in indexes:
            self._connection.execute(f"create index on {target} {index}")
        self._connection.execute(f"analyze {target}")
        self._connection.execute(
            "update tenancy.staged set row_count = %s where invocation_id = %s and tenant_id = %s and schema_name = %s and model_name = %s",
            (count, self._invocation_id, self._tenant_id, schema, table),
        )
        return count


@contextmanager
def publication(warehouse: Warehouse, tenant_id: str, invocation_id: str) -> Iterator[TablePublication]:
    """One transaction in which tables are staged; at its end they are swapped in together."""
    with warehouse.as_owner() as connection:
        with connection.transaction():
            yield TablePublication(connection, tenant_id, invocation_id)
        # A transaction of its own: a slow COPY must not hold the swap's locks, nor wait while holding them.
        with connection.transaction():
            connection.execute("select tenancy.publish(%s, %s)", (tenant_id, invocation_id))

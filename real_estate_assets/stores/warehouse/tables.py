"""Whole tables of one tenant: read as rows, replaced by COPY and published together.

Belongs here: the one way by which a Python stage replaces a tenant's tables in `enrichment` and `features`. Does not
belong here: what the rows mean (`enrichment.py`, `features_rows.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, LiteralString

from real_estate_assets.stores.warehouse.connection import Warehouse

if TYPE_CHECKING:
    from psycopg.sql import Composed, Identifier


def insert_rows(connection: Any, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """Insert many rows into a table under row-level security, inside the caller's transaction. Returns how many.

    table: schema and name, e.g. "quarantine.record". Raises psycopg.Error: then the caller's transaction is lost.
    Postgres refuses COPY into such a table, so rows are copied into a temporary one and inserted from there.
    """
    from psycopg import sql

    target = sql.Identifier(*table.split("."))
    names = column_list(columns)
    empty_copy = sql.SQL("create temporary table incoming on commit drop as select {} from {} limit 0")
    connection.execute(empty_copy.format(names, target))
    count = copy_rows(connection, sql.Identifier("incoming"), columns, rows)
    connection.execute(sql.SQL("insert into {} ({}) select {} from incoming").format(target, names, names))
    connection.execute("drop table incoming")
    return count


def copy_rows(connection: Any, target: Identifier, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
    """COPY rows into a table without row-level security, inside the caller's transaction. Returns how many."""
    from psycopg import sql

    count = 0
    with connection.cursor().copy(sql.SQL("copy {} ({}) from stdin").format(target, column_list(columns))) as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def column_list(columns: Sequence[str]) -> Composed:
    """Column names as they stand between the parentheses of a statement."""
    from psycopg import sql

    return sql.SQL(", ").join(map(sql.Identifier, columns))


class TablePublication:
    """Stages tables of one tenant in one transaction and publishes them together, or not at all.

    connection: of that transaction, for what a stage prepares in temporary tables.
    """

    def __init__(self, connection: Any, tenant_id: str, invocation_id: str) -> None:
        self.connection = connection
        self._tenant_id = tenant_id
        self._invocation_id = invocation_id

    def stage(
        self,
        schema: str,
        table: str,
        columns: Sequence[str],
        rows: Iterable[Sequence[Any]],
        indexes: Sequence[LiteralString] = (),
    ) -> int:
        """Write all rows of the tenant's table beside the live ones. Returns how many.

        columns: without tenant_id; indexes: what follows the table's name in `create index`, e.g. "(parcel_number)".
        """
        own = ((self._tenant_id, *row) for row in rows)
        with self._staged(schema, table, indexes) as heap:
            count = copy_rows(self.connection, heap, ("tenant_id", *columns), own)
            self._set_row_count(schema, table, count)
        return count

    def stage_query(
        self,
        schema: str,
        table: str,
        columns: Sequence[str],
        query: Composed,
        parameters: Mapping[str, Any],
        indexes: Sequence[LiteralString] = (),
    ) -> int:
        """As `stage`, with the rows of a query, which never leave the database. Its columns: as `columns`, in order."""
        from psycopg import sql

        with self._staged(schema, table, indexes) as heap:
            statement = sql.SQL("insert into {} (tenant_id, {}) select {}, q.* from ({}) q").format(
                heap, column_list(columns), sql.Literal(self._tenant_id), query
            )
            count: int = self.connection.execute(statement, parameters).rowcount
            self._set_row_count(schema, table, count)
        return count

    @contextmanager
    def _staged(self, schema: str, table: str, indexes: Sequence[LiteralString]) -> Iterator[Identifier]:
        from psycopg import sql

        heap = self.connection.execute(
            "select tenancy.stage_empty(%s, %s, %s, %s)", (schema, table, self._tenant_id, self._invocation_id)
        ).fetchall()[0][0]
        target = sql.Identifier(f"{schema}__leaf", heap)
        yield target
        for index in indexes:
            self.connection.execute(sql.SQL("create index on {} {}").format(target, sql.SQL(index)))
        self.connection.execute(sql.SQL("analyze {}").format(target))

    def _set_row_count(self, schema: str, table: str, count: int) -> None:
        self.connection.execute(
            "update tenancy.staged set row_count = %s"
            " where invocation_id = %s and tenant_id = %s and schema_name = %s and model_name = %s",
            (count, self._invocation_id, self._tenant_id, schema, table),
        )


@contextmanager
def publication(warehouse: Warehouse, tenant_id: str, invocation_id: str) -> Iterator[TablePublication]:
    """One transaction in which tables are staged; at its end they are swapped in together.

    Raises whatever the body raises: then nothing is staged. Raises psycopg.Error where the swap is refused (another run
    published meanwhile, or readers outlast its patience): then readers keep what they had.
    """
    with warehouse.as_owner() as connection:
        with connection.transaction():
            yield TablePublication(connection, tenant_id, invocation_id)
        # A transaction of its own: a slow COPY must not hold the swap's locks, nor wait while holding them.
        with connection.transaction():
            connection.execute("select tenancy.publish(%s, %s)", (tenant_id, invocation_id))

"""Counts of one source file's records, for the batch rules of its gate.

Belongs here: the statements that count, on the file's own heap and on the vintage before. Does not belong here: what
the counts mean (`core/gates/summary.py`) and their limits (`expectations/`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.gates.summary import (
    KEY_COLUMNS,
    REPEAT_COLUMNS,
    FileSummary,
    lost_columns,
    misread_columns,
)
from real_estate_assets.core.records.fields import RecordType
from real_estate_assets.core.tenants import read_source_entry

if TYPE_CHECKING:
    import datetime as dt

    from psycopg import Connection, sql


@dataclass(frozen=True, slots=True)
class GatedFile:
    """What a gate needs to know of a source file. `mapped`: the canonical columns its reviewed entry fills."""

    tenant_id: str
    file_no: int
    record_type: RecordType
    source_name: str
    uri: str
    locator_kind: str
    vintage: dt.date | None
    received_on: dt.date  # in UTC
    read_status: str
    rows_in: int | None
    read_error: str | None
    mapped: tuple[str, ...]
    heap: str | None  # name of the file's heap in raw__leaf, None where nothing of it was stored


def gated_file(connection: Connection[tuple[Any, ...]], tenant_id: str, file_no: int) -> GatedFile | None:
    """The file with this number, or None."""
    row: Any = connection.execute(
        "select record_type, source_name, uri, locator_kind, vintage, (received_at at time zone 'utc')::date,"
        " read_status, record_count, read_error, source_entry,"
        " format('%%s__%%s__f%%s', record_type, tenancy.leaf_key(tenant_id), file_no)"
        " from prov.source_file where tenant_id = %s and file_no = %s",
        (tenant_id, file_no),
    ).fetchone()
    if row is None:
        return None
    *facts, source_entry, heap = row
    source, entry = read_source_entry(source_entry)
    found = connection.execute("select to_regclass(format('%%I.%%I', 'raw__leaf', %s::text)) is not null", (heap,))
    is_there = found.fetchall()[0][0]
    columns: list[Any] = [tenant_id, file_no, *facts, tuple(source.layout(entry).columns), heap if is_there else None]
    return GatedFile(*columns)


def summarize(connection: Connection[tuple[Any, ...]], file: GatedFile) -> FileSummary:
    """Count the file as it stands now, with what its row rules have put into quarantine."""
    rows_quarantined = _one(
        connection,
        "select count(distinct record_no) from quarantine.record"
        " where tenant_id = %s and file_no = %s and stage in ('read', 'gate')",
        (file.tenant_id, file.file_no),
    )
    if file.heap is None:
        return FileSummary(file.rows_in or 0, 0, rows_quarantined)
    rows_read, filled = _filled(connection, file.heap, file.mapped)
    previous = _previous(connection, file)
    keyless, repeated = _keys(connection, file)
    return FileSummary(
        rows_in=file.rows_in or 0,
        rows_read=rows_read,
        rows_quarantined=rows_quarantined,
        rows_without_key=keyless,
        rows_repeating_key=repeated,
        previous_rows=previous.rows_in if previous else None,
        columns_lost=_lost(connection, file, previous, rows_read, filled),
        columns_misread=misread_columns(_unparseable(connection, file), filled),
    )


def _previous(connection: Connection[tuple[Any, ...]], file: GatedFile) -> GatedFile | None:
    """The newest file of the same source that is older than this one, was read and is not recalled."""
    row = connection.execute(
        "select file_no from prov.source_file where tenant_id = %(tenant)s and source_name = %(source)s"
        " and record_type = %(type)s and read_status = 'read' and gate_passed is not false and is_current"
        " and file_no <> %(file)s and not prov.is_recalled(tenant_id, file_no)"
        " and (coalesce(vintage, '-infinity'), file_no) < (coalesce(%(vintage)s::date, '-infinity'), %(file)s)"
        " order by vintage desc nulls last, file_no desc limit 1",
        {
            "tenant": file.tenant_id,
            "source": file.source_name,
            "type": file.record_type,
            "file": file.file_no,
            "vintage": file.vintage,
        },
    ).fetchone()
    return gated_file(connection, file.tenant_id, row[0]) if row else None


def _lost(
    connection: Connection[tuple[Any, ...]],
    file: GatedFile,
    previous: GatedFile | None,
    rows_read: int,
    filled: Mapping[str, int],
) -> tuple[str, ...]:
    """Columns that both vintages map, that were filled then and are empty now."""
    if previous is None or previous.heap is None or not rows_read:
        return ()
    columns = [column for column in previous.mapped if column in file.mapped]
    rows_before, filled_before = _filled(connection, previous.heap, columns)
    if not rows_before:
        return ()
    return lost_columns(
        {column: n / rows_before for column, n in filled_before.items()},
        {column: filled[column] / rows_read for column in columns},
    )


def _keys(connection: Connection[tuple[Any, ...]], file: GatedFile) -> tuple[int | None, int | None]:
    """(rows without any key column, rows that repeat another row's key); None where the record type has no key."""
    from psycopg import sql

    keys, repeats = KEY_COLUMNS[file.record_type], REPEAT_COLUMNS[file.record_type]
    if file.heap is None or not keys:
        return None, None
    has_key = sql.SQL("num_nonnulls({}) > 0").format(_columns(keys))
    statement = sql.SQL(
        "select coalesce(sum(n) filter (where not has_key), 0)::bigint,"
        " coalesce(sum(n - 1) filter (where has_key), 0)::bigint"
        " from (select {has_key} as has_key, count(*) as n from {heap} group by 1, {repeats}) keys"
    ).format(has_key=has_key, heap=_heap(file.heap), repeats=_columns(repeats))
    row = connection.execute(statement).fetchall()[0]
    return int(row[0]), int(row[1])


def _filled(connection: Connection[tuple[Any, ...]], heap: str, columns: Sequence[str]) -> tuple[int, dict[str, int]]:
    """(rows, column -> rows in which it is filled), in one pass over the heap."""
    from psycopg import sql

    counts = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(column)) for column in columns)
    row = connection.execute(sql.SQL("select count(*), {} from {}").format(counts, _heap(heap))).fetchall()[0]
    return int(row[0]), dict(zip(columns, row[1:], strict=True))


def _unparseable(connection: Connection[tuple[Any, ...]], file: GatedFile) -> dict[str, int]:
    rows = connection.execute(
        "select column_name, count(*) from quarantine.cell"
        " where tenant_id = %s and file_no = %s and reason = 'unparseable' group by 1",
        (file.tenant_id, file.file_no),
    ).fetchall()
    return dict(rows)


def _heap(name: str) -> sql.Identifier:
    from psycopg import sql

    return sql.Identifier("raw__leaf", name)


def _columns(names: Iterable[str]) -> sql.Composed:
    from psycopg import sql

    return sql.SQL(", ").join(map(sql.Identifier, names))


def _one(connection: Connection[tuple[Any, ...]], statement: str, parameters: tuple[Any, ...]) -> int:
    return int(connection.execute(statement, parameters).fetchall()[0][0])

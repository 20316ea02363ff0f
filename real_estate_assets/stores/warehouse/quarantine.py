"""Rejected records and cells of one tenant's files: put there by the gate, counted, and shown.

Belongs here: statements on `quarantine.*` and the account of a file. Does not belong here: why a record is rejected
(`stores/gates.py`, `stores/source_reader`, `core/identity.py`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.gates import Account, Locator, Rule
from real_estate_assets.stores.warehouse.connection import Warehouse

if TYPE_CHECKING:
    from psycopg import Connection, sql

VALUE_LENGTH = 200  # of a rejected value; the whole of it stands in the landed file


@dataclass(frozen=True, slots=True)
class FileAccount:
    """One file of a tenant that was read, and where its records went. vintage: 'unknown' where the source has none."""

    file_no: int
    uri: str
    vintage: str
    account: Account


@dataclass(frozen=True, slots=True)
class RejectedBy:
    """All records of one file that one rule rejected; the samples are the first of them in the file."""

    file_no: int
    stage: str
    rule: str
    column_name: str
    records: int
    samples: tuple[str, ...]
    message: str


@dataclass(frozen=True, slots=True)
class RejectedRecord:
    """One rejected record. `value` is the tenant's own data: for that tenant's eyes, not for logs."""

    locator: str
    stage: str
    rule: str
    column_name: str
    value: str | None
    message: str


@dataclass(frozen=True, slots=True)
class NulledCells:
    """Cells of one file's column that were made null although the source had text there; the records were accepted."""

    file_no: int
    column_name: str
    reason: str
    cells: int
    samples: tuple[str, ...]


def replace_gate_entries(
    connection: Connection[tuple[Any, ...]], tenant_id: str, file_no: int, record_type: str, run_id: str,
    rejections: Iterable[tuple[Rule, str]],
) -> dict[str, int]:  # fmt: skip
    """Put the records that row rules reject into quarantine, in place of what an earlier gate of this file put there.

    rejections: (rule, query that selects record_no and the wrong value). Returns rule -> records. The caller's
    transaction makes it all or nothing; gates of one file at the same time take turns.
    """
    from psycopg import sql

    connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"gate:{tenant_id}:{file_no}",))
    connection.execute(
        "delete from quarantine.record where tenant_id = %s and file_no = %s and stage = 'gate'", (tenant_id, file_no)
    )
    counts: dict[str, int] = {}
    for rule, query in rejections:
        statement = sql.SQL(
            "insert into quarantine.record (tenant_id, file_no, record_no, record_type, stage, rule, column_name,"
            " value, message, run_id) select {tenant}, {file}, q.record_no, {type}, 'gate', {rule},"
            " {column}, left(q.value::text, {length}), {message}, {run}"
            " from ({query}) q (record_no, value)"
        ).format(
            tenant=sql.Literal(tenant_id), file=sql.Literal(file_no), type=sql.Literal(record_type),
            rule=sql.Literal(rule.name), column=sql.Literal(rule.column), length=sql.Literal(VALUE_LENGTH),
            message=sql.Literal(rule.explain), run=sql.Literal(run_id), query=_trusted(query),
        )  # fmt: skip
        counts[rule.name] = connection.execute(statement).rowcount
    return counts


def _trusted(query: Any) -> sql.SQL:
    """A query made from a reviewed suite. `Any`, because psycopg wants to see a literal, which it is in the JSON."""
    from psycopg import sql

    return sql.SQL(query)


def first_records(connection: Connection[tuple[Any, ...]], query: str, *, limit: int) -> list[int]:
    """The lowest record numbers that a rule's query selects."""
    from psycopg import sql

    statement = sql.SQL("select q.record_no from ({query}) q (record_no) order by 1 limit {limit}")
    found = connection.execute(statement.format(query=_trusted(query), limit=sql.Literal(limit)))
    return [int(row[0]) for row in found.fetchall()]


def account(warehouse: Warehouse, tenant_id: str, file_no: int) -> Account:
    """Where the records of a file went: as the reader counted them, accepted, and quarantined at any stage.

    Raises ValueError when the tenant has no such file. The three add up (`Account.balances`), or a stage lost a record.
    """
    with warehouse.as_owner() as connection:
        return account_of(connection, tenant_id, file_no)


def account_of(connection: Connection[tuple[Any, ...]], tenant_id: str, file_no: int) -> Account:
    """`account`, as part of the caller's transaction."""
    from psycopg import sql

    row = connection.execute(
        "select record_type, coalesce(record_count, 0) from prov.source_file where tenant_id = %s and file_no = %s",
        (tenant_id, file_no),
    ).fetchone()
    if row is None:
        raise ValueError(f"tenant {tenant_id} has no file {file_no}")
    # Grouped, not anti-joined: before autovacuum has seen a file's entries the planner takes them for a handful, and a
    # nested loop over 200,000 records and 100,000 entries took over five minutes.
    found = connection.execute(
        sql.SQL(
            "select count(*) filter (where not is_bad), count(*) filter (where is_bad) from"
            " (select bool_or(is_bad) as is_bad from (select record_no, false as is_bad from {records}"
            " where tenant_id = %(tenant)s and file_no = %(file)s"
            " union all select record_no, true from quarantine.record"
            " where tenant_id = %(tenant)s and file_no = %(file)s) entries group by record_no) records"
        ).format(records=sql.Identifier("raw", row[0])),
        {"tenant": tenant_id, "file": file_no},
    ).fetchall()[0]
    return Account(int(row[1]), int(found[0]), int(found[1]))


def file_accounts(warehouse: Warehouse, tenant_id: str) -> list[FileAccount]:
    """The account of every file that was read, in order of the file numbers."""
    with warehouse.as_app(tenant_id) as connection:
        files = connection.execute(
            "select file_no, uri, coalesce(vintage::text, 'unknown') from prov.source_file"
            " where tenant_id = %s and read_status = 'read' order by 1",
            (tenant_id,),
        ).fetchall()
        return [FileAccount(f[0], f[1], f[2], account_of(connection, tenant_id, f[0])) for f in files]


def rejected_by_rule(
    warehouse: Warehouse, tenant_id: str, *, rule: str | None = None, samples: int = 5
) -> list[RejectedBy]:
    """What was rejected, by file, stage and rule: the most frequent first within a file."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select q.file_no, f.uri, f.locator_kind, q.stage, q.rule, q.column_name, count(*),"
            " (array_agg(q.record_no order by q.record_no))[1:%(samples)s],"
            " min(q.message) || case when count(distinct q.message) > 1 then ' (and other messages)' else '' end"
            " from quarantine.record q join prov.source_file f on f.tenant_id = q.tenant_id and f.file_no = q.file_no"
            " where q.tenant_id = %(tenant)s and f.tenant_id = %(tenant)s"
            " and (%(rule)s::text is null or q.rule = %(rule)s)"
            " group by 1, 2, 3, 4, 5, 6 order by q.file_no, count(*) desc, q.rule",
            {"tenant": tenant_id, "rule": rule, "samples": samples},
        ).fetchall()
    return [RejectedBy(r[0], r[3], r[4], r[5], r[6], Locator(r[1], r[2]).of(r[7]), r[8]) for r in rows]


def rejected_records(warehouse: Warehouse, tenant_id: str, rule: str, *, limit: int) -> list[RejectedRecord]:
    """The first records that one rule rejected, with the value it rejected."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select f.uri, f.locator_kind, q.record_no, q.stage, q.rule, q.column_name, q.value, q.message"
            " from quarantine.record q join prov.source_file f on f.tenant_id = q.tenant_id and f.file_no = q.file_no"
            " where q.tenant_id = %(tenant)s and f.tenant_id = %(tenant)s and q.rule = %(rule)s"
            " order by q.file_no, q.record_no, q.column_name limit %(limit)s",
            {"tenant": tenant_id, "rule": rule, "limit": limit},
        ).fetchall()
    return [RejectedRecord(Locator(r[0], r[1]).of([r[2]])[0], *r[3:]) for r in rows]


def nulled_cells(warehouse: Warehouse, tenant_id: str, *, samples: int = 5) -> list[NulledCells]:
    """Cells made null as out of bounds or unparseable, by file, column and reason."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select c.file_no, f.uri, f.locator_kind, c.column_name, c.reason, count(*),"
            " (array_agg(c.record_no order by c.record_no))[1:%(samples)s]"
            " from quarantine.cell c join prov.source_file f on f.tenant_id = c.tenant_id and f.file_no = c.file_no"
            " where c.tenant_id = %(tenant)s and f.tenant_id = %(tenant)s"
            " group by 1, 2, 3, 4, 5 order by c.file_no, count(*) desc, c.column_name",
            {"tenant": tenant_id, "samples": samples},
        ).fetchall()
    return [NulledCells(r[0], r[3], r[4], r[5], Locator(r[1], r[2]).of(r[6])) for r in rows]


def refresh_statistics(warehouse: Warehouse) -> None:
    """Tell the planner how full the quarantine is now.

    Right after a large insert it believes the table to be empty and joins against it row by row: over 5 minutes at
    200,000 rows.
    """
    with warehouse.as_owner() as connection:
        connection.execute("analyze quarantine.record")

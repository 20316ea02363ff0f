"""Records of one source file: put in place by COPY, all of a file or nothing.

Belongs here: the heap of a file's accepted records, and what reading refused. Does not belong here: reading the file
(`stores/source_reader`) and the gate's verdicts (`quarantine.py`).
"""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.records.batch import CellIssue, RecordBatch, Rejection
from real_estate_assets.core.records.fields import FIELDS, RecordType
from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import column_list, insert_rows

if TYPE_CHECKING:
    import polars as pl
    from psycopg.sql import Identifier

# Of quarantine.record, for every stage that refuses records.
REJECTION_COLUMNS = (
    "tenant_id", "file_no", "record_no", "record_type", "stage", "rule", "column_name", "value", "message",
    "run_id",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows of a file went where: rows_in == readable + rejected, always."""

    rows_in: int
    readable: int
    rejected: int
    cells_nulled: int
    repaired: int  # invalid rings that were repaired; 0 for records without a geometry

    def plus(self, more: Loaded) -> Loaded:
        """Both together."""
        return Loaded(*(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(more), strict=True)))


def load_file(
    warehouse: Warehouse, tenant_id: str, *, file_no: int, record_type: RecordType, batches: Iterable[RecordBatch],
    evidence_no: int, run_id: str,
) -> Loaded:  # fmt: skip
    """Store a whole file's batches: a fresh heap, swapped in at the end, and its refusals, in one transaction.

    Raises whatever `batches` raises (an unreadable file): then nothing of this reading is kept, an earlier one stays.
    Raises ValueError when a batch loses a row, which is a defect of the reader, not of the file.
    """
    from psycopg import sql

    staging_id = f"{run_id}/{file_no}"
    totals = Loaded(0, 0, 0, 0, 0)
    with warehouse.as_owner() as connection, connection.transaction():
        heap = connection.execute(
            "select tenancy.stage_empty('raw', %s, %s, %s)", (record_type, tenant_id, staging_id)
        ).fetchall()[0][0]
        target = sql.Identifier("raw__leaf", heap)
        # A new reading starts with a clean slate, gate and identity verdicts included.
        connection.execute("delete from quarantine.record where tenant_id = %s and file_no = %s", (tenant_id, file_no))
        connection.execute("delete from quarantine.cell where tenant_id = %s and file_no = %s", (tenant_id, file_no))
        for batch in batches:
            counts = _account(batch)
            _copy_records(connection, target, tenant_id, file_no, record_type, evidence_no, batch.accepted)
            if batch.rejected:
                _insert_rejections(connection, tenant_id, file_no, record_type, run_id, batch.rejected)
            if batch.cell_issues:
                _insert_cell_issues(connection, tenant_id, file_no, record_type, batch.cell_issues)
            totals = totals.plus(counts)
        connection.execute(sql.SQL("create unique index on {} (record_no)").format(target))
        connection.execute(sql.SQL("analyze {}").format(target))
        connection.execute(
            "select tenancy.attach_file('raw', %s, %s, %s, %s)", (record_type, tenant_id, file_no, staging_id)
        )
    return totals


def _account(batch: RecordBatch) -> Loaded:
    accepted, rejected = batch.accepted.height, len(batch.rejected)
    if batch.rows_in != accepted + rejected:
        raise ValueError(f"{batch.rows_in} rows read, but {accepted} accepted and {rejected} rejected")
    repaired = int(batch.accepted["is_repaired"].sum()) if "is_repaired" in batch.accepted.columns else 0
    return Loaded(batch.rows_in, accepted, rejected, len(batch.cell_issues), repaired)


def _copy_records(
    connection: Any,
    target: Identifier,
    tenant_id: str,
    file_no: int,
    record_type: RecordType,
    evidence_no: int,
    accepted: pl.DataFrame,
) -> None:
    """CSV made by polars rather than rows made in Python: a tenth of the time. Null is the unquoted empty cell."""
    import polars as pl
    from psycopg import sql

    names = ["record_no", *(f.name for f in FIELDS[record_type]), "null_reasons"]
    geometry = [f.name for f in FIELDS[record_type] if f.pg_type.startswith("geometry")]
    frame = accepted.select(
        pl.lit(tenant_id).alias("tenant_id"),
        pl.lit(file_no).alias("file_no"),
        pl.lit(evidence_no).alias("evidence_no"),
        *(pl.col(n).bin.encode("hex") if n in geometry else pl.col(n) for n in names),
    )
    statement = sql.SQL("copy {} ({}) from stdin (format csv)").format(target, column_list(frame.columns))
    with connection.cursor().copy(statement) as copy:
        for piece in frame.iter_slices(20_000):  # bounds the text held at once
            buffer = io.BytesIO()
            piece.write_csv(buffer, include_header=False, quote_style="non_numeric")
            copy.write(buffer.getvalue())


def _insert_rejections(
    connection: Any, tenant_id: str, file_no: int, record_type: str, run_id: str, rejected: Iterable[Rejection]
) -> None:
    file = (tenant_id, file_no)
    rows = (
        (*file, r.record_no, record_type, "read", r.rule, r.column or "", _storable(r.value), r.message, run_id)
        for r in rejected
    )
    insert_rows(connection, "quarantine.record", REJECTION_COLUMNS, rows)


def _insert_cell_issues(
    connection: Any, tenant_id: str, file_no: int, record_type: str, issues: Iterable[CellIssue]
) -> None:
    columns = ("tenant_id", "file_no", "record_no", "record_type", "column_name", "value", "reason")
    rows = (
        (tenant_id, file_no, issue.record_no, record_type, issue.column, _storable(issue.value), issue.reason)
        for issue in issues
        if issue.reason != "null_marker"  # declared by the tenant: it stands in null_reasons, nothing to look into
    )
    insert_rows(connection, "quarantine.cell", columns, rows)


def _storable(value: str | None) -> str | None:
    """Text that Postgres can hold: a zero byte is shown as its escape, nothing else is changed."""
    return None if value is None else value.replace("\x00", "\\x00")

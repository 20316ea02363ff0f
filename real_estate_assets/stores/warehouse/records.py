"""Records of one source file: put in place by COPY, all of a file or nothing.

Belongs here: the heap of a file's accepted records, and what reading refused. Does not belong here: reading the file
(`stores/source_reader`) and the gate's verdicts (`quarantine.py`).
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.records.batch import CellIssue, RecordBatch, Rejection
from real_estate_assets.core.records.fields import FIELDS, RecordType
from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import insert_rows

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, slots=True)
class Loaded:
    """How many rows of a file went where: rows_in == readable + rejected, always."""

    rows_in: int
    readable: int
    rejected: int
    cells_nulled: int
    repaired: int  # invalid rings that were repaired; 0 for records without a geometry


def load_file(
    warehouse: Warehouse, tenant_id: str, *, file_no: int, record_type: RecordType, batches: Iterable[RecordBatch],
    evidence_no: int, run_id: str,
) -> Loaded:  # fmt: skip
    """Store a whole file's batches: a fresh heap, swapped in at the end, and its refusals, in one transaction each.

    Raises whatever `batches` raises (an unreadable file): then nothing of this reading is kept and an earlier one stays.
    Raises ValueError when a batch loses a row, which is a defect of the reader, not of the file.
    """
    totals = [0, 0, 0, 0, 0]
    with warehouse.as_owner() as connection, connection.transaction():
        heap = _execute_value(
            connection,
            "select tenancy.stage_empty('raw', %s, %s, %s)",
            (record_type, tenant_id, _staging_id(run_id, file_no)),
        )
        connection.execute(
            "delete from quarantine.record where tenant_id = %s and file_no = %s", (tenant_id, file_no)
        )  # a new reading starts with a clean slate, gate and identity verdicts included
        connection.execute("delete from quarantine.cell where tenant_id = %s and file_no = %s", (tenant_id, file_no))
        for batch in batches:
            if batch.rows_in != batch.accepted.height + len(batch.rejected):
                raise ValueError(
                    f"{batch.rows_in} rows read, but {batch.accepted.height} accepted and {len(batch.rejected)} rejected"
                )
            _copy_records(connection, heap, tenant_id, file_no, record_type, evidence_no, batch.accepted)
            if batch.rejected:
                _insert_rejections(connection, tenant_id, file_no, record_type, run_id, batch.rejected)
            if batch.cell_issues:
                _insert_cell_issues(connection, tenant_id, file_no, record_type, batch.cell_issues)
            repaired = int(batch.accepted["is_repaired"].sum()) if "is_repaired" in batch.accepted.columns else 0
            for i, n in enumerate(
                (batch.rows_in, batch.accepted.height, len(batch.rejected), len(batch.cell_issues), repaired)
            ):
                totals[i] += n
        connection.execute(f'create unique index on raw__leaf."{heap}" (record_no)')
        connection.execute(f'analyze raw__leaf."{heap}"')
        connection.execute(
            "select tenancy.attach_file('raw', %s, %s, %s, %s)",
            (record_type, tenant_id, file_no, _staging_id(run_id, file_no)),
        )
    return Loaded(*totals)


def _staging_id(run_id: str, file_no: int) -> str:
    return f"{run_id}/{file_no}"


def _execute_value(connection: Any, statement: str, parameters: tuple[Any, ...]) -> Any:
    return connection.execute(statement, parameters).fetchall()[0][0]


def _copy_records(
    connection: Any, heap: str, tenant_id: str, file_no: int, record_type: RecordType, evidence_no: int, accepted: pl.DataFrame
) -> None:  # fmt: skip
    """CSV made by polars rather than rows made in Python: a tenth of the time. Null is the unquoted empty cell."""
    import polars as pl

    names = ["record_no", *(f.name for f in FIELDS[record_type]), "null_reasons"]
    geometry = [f.name for f in FIELDS[record_type] if f.pg_type.startswith("geometry")]
    frame = accepted.select(
        pl.lit(tenant_id).alias("tenant_id"), pl.lit(file_no).alias("file_no"), pl.lit(evidence_no).alias("evidence_no"),
        *(pl.col(n).bin.encode("hex") if n in geometry else pl.col(n) for n in names),
    )  # fmt: skip
    columns = ", ".join(f'"{c}"' for c in frame.columns)
    with connection.cursor().copy(f'copy raw__leaf."{heap}" ({columns}) from stdin (format csv)') as copy:
        for piece in frame.iter_slices(20_000):  # bounds the text held at once
            buffer = io.BytesIO()
            piece.write_csv(buffer, include_header=False, quote_style="non_numeric")
            copy.write(buffer.getvalue())


def _insert_rejections(
    connection: Any, tenant_id: str, file_no: int, record_type: str, run_id: str, rejected: Iterable[Rejection]
) -> None:
    columns = (
        "tenant_id",
        "file_no",
        "record_no",
        "record_type",
        "stage",
        "rule",
        "column_name",
        "value",
        "message",
        "run_id",
    )
    rows = (
        (
            tenant_id,
            file_no,
            r.record_no,
            record_type,
            "read",
            r.rule,
            r.column or "",
            _storable(r.value),
            r.message,
            run_id,
        )
        for r in rejected
    )
    insert_rows(connection, "quarantine.record", columns, rows)


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

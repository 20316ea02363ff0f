"""Source files and evidence: what was received, by which method it was read, which run says so.

Belongs here: rows of `prov.*`, written by the stages and read by them. Does not belong here: trust (computed at read by
the database) and the bytes themselves (`object_store.py`).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One vintage of one source of a tenant, as received. `source_entry` is the YAML entry it is read by."""

    tenant_id: str
    file_no: int
    sha256: str
    source_name: str
    source_kind: str
    uri: str
    object_key: str
    vintage: dt.date | None
    received_at: dt.datetime
    byte_count: int
    record_type: str
    source_entry: dict[str, Any]
    source_entry_sha256: str
    record_count: int | None
    read_status: str
    read_error: str | None
    read_by: str | None
    gate_passed: bool | None
    gate_report: dict[str, Any] | None
    evidence_no: int | None


@dataclass(frozen=True, slots=True)
class NewSourceFile:
    """What landing knows of a file before it has a number."""

    sha256: str
    source_name: str
    source_kind: str
    uri: str
    object_key: str
    vintage: dt.date | None
    byte_count: int
    record_type: str
    source_format: str
    licence: str
    locator_kind: str
    source_entry: Mapping[str, Any]
    source_entry_sha256: str


@dataclass(frozen=True, slots=True)
class Method:
    """How a value came from a file: named, versioned by its code, with the basis of its factor (null until measured)."""

    method: str
    code_version: str
    description: str
    basis: str
    factor: float | None = None


_FILE_COLUMNS = (
    "tenant_id, file_no, sha256, source_name, source_kind, uri, object_key, vintage, received_at, byte_count, record_type, "
    "source_entry, source_entry_sha256, record_count, read_status, read_error, read_by, gate_passed, gate_report, evidence_no"
)


def register_file(warehouse: Warehouse, tenant_id: str, new: NewSourceFile) -> tuple[int, bool]:
    """Number of the tenant's file and whether it is new. The same bytes of the same source are one file for ever.

    A known file whose reviewed entry changed (another column map) keeps its number and is marked to be read again.
    """
    from psycopg.types.json import Jsonb

    with warehouse.as_owner() as connection, connection.transaction():
        # Numbering first: it takes the lock under which two landings of one tenant see each other's files.
        file_no = connection.execute("select prov.next_file_no(%s)", (tenant_id,)).fetchall()[0][0]
        known = connection.execute(
            "select file_no from prov.source_file where tenant_id = %s and source_name = %s and sha256 = %s",
            (tenant_id, new.source_name, new.sha256),
        ).fetchone()
        if known is not None:
            connection.execute(
                "update prov.source_file set source_entry = %s, source_entry_sha256 = %s, vintage = %s, licence = %s,"
                " read_status = 'landed', read_error = null"
                " where tenant_id = %s and file_no = %s and source_entry_sha256 <> %s",
                (
                    Jsonb(dict(new.source_entry)),
                    new.source_entry_sha256,
                    new.vintage,
                    new.licence,
                    tenant_id,
                    known[0],
                    new.source_entry_sha256,
                ),
            )
            return int(known[0]), False
        connection.execute(
            "insert into prov.source_file (tenant_id, file_no, sha256, source_name, source_kind, uri, object_key, vintage,"
            " byte_count, record_type, source_format, licence, locator_kind, source_entry, source_entry_sha256)"
            " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (tenant_id, file_no, new.sha256, new.source_name, new.source_kind, new.uri, new.object_key, new.vintage,
             new.byte_count, new.record_type, new.source_format, new.licence, new.locator_kind,
             Jsonb(dict(new.source_entry)), new.source_entry_sha256),
        )  # fmt: skip
        return int(file_no), True


def files(warehouse: Warehouse, tenant_id: str) -> list[SourceFile]:
    """All files of a tenant in order of their number."""
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            f"select {_FILE_COLUMNS} from prov.source_file where tenant_id = %s order by file_no", (tenant_id,)
        ).fetchall()
    return [SourceFile(*row) for row in rows]


def save_record_index(warehouse: Warehouse, tenant_id: str, file_no: int, every: int, offsets: Sequence[int]) -> None:
    """Byte offset of every n-th record of a file, so that one record is found without reading the file."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "insert into prov.record_index (tenant_id, file_no, every, byte_offsets) values (%s, %s, %s, %s)"
            " on conflict (tenant_id, file_no) do update set every = excluded.every, byte_offsets = excluded.byte_offsets",
            (tenant_id, file_no, every, list(offsets)),
        )


def mark_read(
    warehouse: Warehouse, tenant_id: str, file_no: int, *, record_count: int, evidence_no: int, read_by: str
) -> None:  # fmt: skip
    """The file was read to its end by this code version; its gate has not spoken yet."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "update prov.source_file set read_status = 'read', read_error = null, record_count = %s, evidence_no = %s,"
            " read_by = %s, gate_passed = null, gate_report = null where tenant_id = %s and file_no = %s",
            (record_count, evidence_no, read_by, tenant_id, file_no),
        )


def save_gate(warehouse: Warehouse, tenant_id: str, file_no: int, *, passed: bool, report: Mapping[str, Any]) -> None:
    """The gate's verdict on a file: rule by rule, counts and locators, never values."""
    from psycopg.types.json import Jsonb

    with warehouse.as_owner() as connection:
        connection.execute(
            "update prov.source_file set gate_passed = %s, gate_report = %s where tenant_id = %s and file_no = %s",
            (passed, Jsonb(dict(report)), tenant_id, file_no),
        )


def mark_refused(warehouse: Warehouse, tenant_id: str, file_no: int, *, error: str, read_by: str) -> None:
    """The file as a whole cannot be read; the error says where and what to do. Its bytes stay landed."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "update prov.source_file set read_status = 'refused', read_error = %s, record_count = null, read_by = %s"
            " where tenant_id = %s and file_no = %s",
            (error, read_by, tenant_id, file_no),
        )


def add_evidence(
    warehouse: Warehouse,
    tenant_id: str,
    method: Method,
    *,
    run_id: str,
    field_group: str,
    file_no: int | None = None,
    public_sha256: str | None = None,
    checks: tuple[int, int] = (0, 0),
    inputs: Sequence[int] = (),
) -> int:
    """Number of a new evidence row of the tenant: file × method × run.

    checks: (passed, total) of the partition's checks. inputs: evidence this one was derived from.
    """
    with warehouse.as_owner() as connection, connection.transaction():
        _register_method(connection, method)
        number = connection.execute("select prov.next_evidence_no(%s)", (tenant_id,)).fetchall()[0][0]
        connection.execute(
            "insert into prov.evidence (tenant_id, evidence_no, file_no, public_sha256, method, code_version, run_id,"
            " field_group, checks_passed, checks_total) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (
                tenant_id,
                number,
                file_no,
                public_sha256,
                method.method,
                method.code_version,
                run_id,
                field_group,
                *checks,
            ),
        )
        connection.cursor().executemany(
            "insert into prov.evidence_input (tenant_id, evidence_no, input_evidence_no) values (%s, %s, %s)",
            [(tenant_id, number, one) for one in sorted(set(inputs))],
        )
    return int(number)


def record_checks(warehouse: Warehouse, tenant_id: str, evidence_no: int, *, passed: int, total: int) -> None:
    """The gate's verdict on the partition that this evidence stands for."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "update prov.evidence set checks_passed = %s, checks_total = %s where tenant_id = %s and evidence_no = %s",
            (passed, total, tenant_id, evidence_no),
        )


def _register_method(connection: Any, method: Method) -> None:
    connection.execute(
        "insert into prov.method (method, code_version, description, factor, basis) values (%s, %s, %s, %s, %s) on conflict do nothing",
        (method.method, method.code_version, method.description, method.factor, method.basis),
    )

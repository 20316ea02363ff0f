"""Source files and evidence: what was received, by which method it was read, which run says so.

Belongs here: rows of `prov.*`, written by the stages and read by them. Does not belong here: trust (computed at read by
the database) and the bytes themselves (`object_store.py`).
"""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import column_list


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
    """How a value came from a file: named, versioned by its code, with the basis of its factor (None: not measured)."""

    method: str
    code_version: str
    description: str
    basis: str
    factor: float | None = None


NO_RECORD = Method(
    "no_record",
    "1",
    "No record of its own: unknown, or computed from other cells of the row that have theirs.",
    "stated, not measured",
)


class RecordTypeChangedError(ValueError):
    """The same bytes of one source are described as another type of record than before; the message says what to do."""


def register_file(warehouse: Warehouse, tenant_id: str, new: NewSourceFile) -> tuple[int, bool]:
    """Number of the tenant's file and whether it is new. The same bytes of the same source are one file for ever.

    A known file whose reviewed entry changed (another column map) keeps its number and is marked to be read again.
    Raises RecordTypeChangedError where the same bytes were another type of record before, and
    psycopg.errors.ForeignKeyViolation where the tenant is not registered.
    """
    from psycopg.types.json import Jsonb

    values = {name: getattr(new, name) for name in _names(NewSourceFile)}
    values["source_entry"] = Jsonb(dict(new.source_entry))
    with warehouse.as_owner() as connection, connection.transaction():
        # Numbering first: it takes the lock under which two landings of one tenant see each other's files.
        file_no = connection.execute("select prov.next_file_no(%s)", (tenant_id,)).fetchall()[0][0]
        known = connection.execute(
            "select file_no, record_type from prov.source_file"
            " where tenant_id = %s and source_name = %s and sha256 = %s",
            (tenant_id, new.source_name, new.sha256),
        ).fetchone()
        if known is None:
            _insert_file(connection, {"tenant_id": tenant_id, "file_no": file_no, **values})
            return int(file_no), True
        if known[1] != new.record_type:
            raise RecordTypeChangedError(
                f"{new.uri}: source '{new.source_name}' brought these bytes as {known[1]} records and now describes"
                f" them as {new.record_type} records. Give the source another name."
            )
        _describe_anew(connection, {"tenant_id": tenant_id, "file_no": known[0], **values})
        return int(known[0]), False


def _insert_file(connection: Any, values: Mapping[str, Any]) -> None:
    from psycopg import sql

    placeholders = sql.SQL(", ").join(map(sql.Placeholder, values))
    statement = sql.SQL("insert into prov.source_file ({}) values ({})")
    connection.execute(statement.format(column_list(list(values)), placeholders), values)


def _describe_anew(connection: Any, values: Mapping[str, Any]) -> None:
    """What the description says of a known file now; read again only where that changes what reading gives."""
    connection.execute(
        "update prov.source_file set uri = %(uri)s, source_kind = %(source_kind)s, vintage = %(vintage)s,"
        " licence = %(licence)s, source_format = %(source_format)s, locator_kind = %(locator_kind)s,"
        " source_entry = %(source_entry)s, source_entry_sha256 = %(source_entry_sha256)s,"
        " read_error = case when source_entry_sha256 = %(source_entry_sha256)s then read_error end,"
        " read_status = case when source_entry_sha256 = %(source_entry_sha256)s then read_status else 'landed' end"
        " where tenant_id = %(tenant_id)s and file_no = %(file_no)s",
        values,
    )


def _names(of: type[NewSourceFile | SourceFile]) -> list[str]:
    """Fields of a class whose names are columns of prov.source_file."""
    return [field.name for field in dataclasses.fields(of)]


def files(warehouse: Warehouse, tenant_id: str) -> list[SourceFile]:
    """The tenant's files that count now, by number: `settle_current` kept them and nobody took them back."""
    from psycopg import sql

    names = column_list(_names(SourceFile))
    query = sql.SQL(
        "select {} from prov.source_file where tenant_id = {} and is_current"
        " and not prov.is_recalled(tenant_id, file_no) order by file_no"
    )
    with warehouse.as_owner() as connection:
        rows = connection.execute(query.format(names, sql.Literal(tenant_id))).fetchall()
    return [SourceFile(*row) for row in rows]


def settle_current(
    warehouse: Warehouse,
    tenant_id: str,
    *,
    landed: Mapping[tuple[str, str], int],
    absent: Sequence[tuple[str, str]] = (),
) -> None:
    """Decide which files count, once every file that is described has landed.

    landed: (source_name, uri) -> the file that stands there now; absent: described, but nothing stands there (now).

    What has just landed counts. An earlier file of the same place stays as an older vintage if it was read and passed
    its gate; if it never passed, its replacement heals the tenant. One that came after the file that is there now was
    taken back. A file that is absent counts as before: landed bytes are kept. What is described no more does not count.
    """
    rows = [(*place, file_no) for place, file_no in landed.items()] + [(*place, None) for place in absent]
    with warehouse.as_owner() as connection, connection.transaction():
        connection.execute("create temporary table described (source_name text, uri text, file_no int) on commit drop")
        connection.cursor().executemany("insert into described values (%s, %s, %s)", rows)
        connection.execute(
            "update prov.source_file f set is_current = now.counts from ("
            " select f.file_no, coalesce(bool_or(d.file_no = f.file_no or f.is_current and ("
            "  d.uri is not null and d.file_no is null"
            "  or f.file_no < d.file_no and f.read_status = 'read' and f.gate_passed is true)), false) as counts"
            " from prov.source_file f"
            " left join described d on (d.source_name, d.uri) = (f.source_name, f.uri)"
            " where f.tenant_id = %(tenant)s group by f.file_no) now"
            " where f.tenant_id = %(tenant)s and f.file_no = now.file_no and f.is_current <> now.counts",
            {"tenant": tenant_id},
        )


def save_record_index(warehouse: Warehouse, tenant_id: str, file_no: int, every: int, offsets: Sequence[int]) -> None:
    """Byte offset of every n-th record of a file, so that one record is found without reading the file."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "insert into prov.record_index (tenant_id, file_no, every, byte_offsets) values (%s, %s, %s, %s)"
            " on conflict (tenant_id, file_no) do update"
            " set every = excluded.every, byte_offsets = excluded.byte_offsets",
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
    checks: tuple[int, int] | None = None,
    inputs: Sequence[int] = (),
) -> int:
    """Number of a new evidence row of the tenant: file × method × run.

    checks: (passed, total) of the partition's checks; None: what the inputs went through, which is what there is.
    inputs: evidence this one was derived from.
    """
    with warehouse.as_owner() as connection, connection.transaction():
        _register_method(connection, method)
        number = connection.execute("select prov.next_evidence_no(%s)", (tenant_id,)).fetchall()[0][0]
        connection.execute(
            "insert into prov.evidence (tenant_id, evidence_no, file_no, public_sha256, method, code_version, run_id,"
            " field_group, checks_passed, checks_total) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            (tenant_id, number, file_no, public_sha256, method.method, method.code_version, run_id, field_group,
             *(checks or _checks_of(connection, tenant_id, inputs))),
        )  # fmt: skip
        connection.cursor().executemany(
            "insert into prov.evidence_input (tenant_id, evidence_no, input_evidence_no) values (%s, %s, %s)",
            [(tenant_id, number, one) for one in sorted(set(inputs))],
        )
        if number == 1:
            _state_the_unknown(connection, tenant_id, run_id)
    return int(number)


def _checks_of(connection: Any, tenant_id: str, evidence_nos: Sequence[int]) -> Any:
    total = "select coalesce(sum(checks_passed), 0), coalesce(sum(checks_total), 0) from prov.evidence"
    where = " where tenant_id = %s and evidence_no = any(%s)"
    return connection.execute(total + where, (tenant_id, list(evidence_nos))).fetchall()[0]


def record_checks(warehouse: Warehouse, tenant_id: str, evidence_no: int, *, passed: int, total: int) -> None:
    """The gate's verdict on the partition that this evidence stands for."""
    with warehouse.as_owner() as connection:
        connection.execute(
            "update prov.evidence set checks_passed = %s, checks_total = %s where tenant_id = %s and evidence_no = %s",
            (passed, total, tenant_id, evidence_no),
        )


def _state_the_unknown(connection: Any, tenant_id: str, run_id: str) -> None:
    """Evidence 0 of every tenant: no record stands behind the cell itself. Said, so that asking why finds an answer."""
    _register_method(connection, NO_RECORD)
    connection.execute(
        "insert into prov.evidence (tenant_id, evidence_no, method, code_version, run_id, field_group)"
        " values (%s, 0, %s, %s, %s, 'none') on conflict do nothing",
        (tenant_id, NO_RECORD.method, NO_RECORD.code_version, run_id),
    )


def _register_method(connection: Any, method: Method) -> None:
    connection.execute(
        "insert into prov.method (method, code_version, description, factor, basis) values (%s, %s, %s, %s, %s)"
        " on conflict do nothing",
        (method.method, method.code_version, method.description, method.factor, method.basis),
    )

"""Why a cell says what it says: the answer of `prov.why`, with the raw record itself; and which cells are weak.

Belongs here: asking as the app role of one tenant, and reading the record that the answer points at. Does not belong
here: trust (computed by the database), the answer's shape (`core/provenance/explanation.py`), how it is shown (`cli/`).
"""

from __future__ import annotations

import datetime as dt
import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.provenance.explanation import Evidence, Property, Why, as_of_end
from real_estate_assets.core.provenance.explanation_json import read_why
from real_estate_assets.core.provenance.field_reference import PROPERTIES, FieldReference, find_field
from real_estate_assets.core.provenance.source_columns import reference_columns, source_columns
from real_estate_assets.core.records.batch import RecordIndex
from real_estate_assets.core.tenants import read_source_entry
from real_estate_assets.stores.object_store import PUBLIC
from real_estate_assets.stores.raw_records import OpenStore, RecordPlace, public_layout, read_raw_record
from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.property_lookup import find_property

if TYPE_CHECKING:
    from psycopg import Connection

    from real_estate_assets.core.provenance.raw_record import RawRecord

CHANGES = "fct_changes"  # its rows are about a field of another mart, which they name
Derivations = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class RawFiles:
    """Where the bytes are: how a store is opened, and the description of the public layers."""

    open_store: OpenStore
    references_file: Path


class NotYetError(LookupError):
    """The property is known, but had no such cell at the time that was asked about."""


class UnknownMartError(ValueError):
    """There is no mart of that name; the message says what was probably meant."""

    def __init__(self, mart: str, marts: Iterable[str]) -> None:
        near = difflib.get_close_matches(mart, list(marts), n=1)
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(marts) or 'none yet'}."
        super().__init__(f"there is no mart {mart!r}; {hint}")


class NotOfAPropertyError(ValueError):
    """The mart's rows belong to no single property; the message says how to ask for one of them."""

    def __init__(self, reference: FieldReference, tenant_id: str) -> None:
        super().__init__(
            f"rows of {reference.mart} belong to no single property. Ask for one by its key (docs/marts), in SQL:"
            f" select prov.why('{tenant_id}', '{reference.mart}', '{{\"KEY\": \"VALUE\"}}', '{reference.field}')"
        )


def why(
    warehouse: Warehouse,
    raw_files: RawFiles | None,
    tenant_id: str,
    property: str,
    field: str,
    as_of: dt.date | None = None,
) -> Why:
    """Everything that is known about one cell of one property.

    property: its id, parcel number or address. field: a column of dim_properties, or mart.field, with a peril in
    brackets for hazards. as_of: what was believed at the end of that day (UTC); None: now. raw_files: None leaves the
    raw record out.

    Raises NoSuchPropertyError (also for an unknown tenant, and for another tenant's property), AmbiguousPropertyError,
    UnknownFieldError, NotYetError, NotOfAPropertyError.
    """
    found = find_property(warehouse, tenant_id, property)
    with warehouse.as_app(tenant_id) as connection:
        fields = _fields(connection)
        reference = find_field(field, fields)
        if "property_id" not in fields[reference.mart]:
            raise NotOfAPropertyError(reference, tenant_id)
        document = _ask(connection, tenant_id, found, reference, as_of)
        if document is None:
            raise NotYetError(_nothing(found, reference, as_of))
        answer = replace(read_why(document), subject=found)
        if raw_files is None:
            return answer
        derived = _derivations(connection, reference.mart)
        places = {e.evidence_no: _place(connection, raw_files, answer, e, derived) for e in answer.evidence}
    records: dict[int, RawRecord] = {
        number: read_raw_record(raw_files.open_store, place) for number, place in places.items() if place is not None
    }
    return answer.with_raw(records)


def why_all(
    warehouse: Warehouse, tenant_id: str, property: str, *, mart: str = PROPERTIES, as_of: dt.date | None = None
) -> list[Why]:
    """The answers about every field of a property's row in a mart, without the raw records. Raises as `why` does."""
    found = find_property(warehouse, tenant_id, property)
    fields = [FieldReference(mart, field, None) for field in fields_of(warehouse, tenant_id, mart)]
    with warehouse.as_app(tenant_id) as connection:
        asked = ((field, _ask(connection, tenant_id, found, field, as_of)) for field in fields)
        answers = [replace(read_why(document), subject=found) for _, document in asked if document is not None]
    if not answers:
        raise NotYetError(_nothing(found, FieldReference(mart, "it", None), as_of))
    return answers


def reviewers(warehouse: Warehouse, tenant_id: str) -> dict[str, str]:
    """Who reviewed each version of the trust model: version as text -> name."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute("select version::text, reviewed_by from prov.trust_model").fetchall()
    return dict(rows)


def fields_of(warehouse: Warehouse, tenant_id: str, mart: str) -> list[str]:
    """The fields of a mart in the order of its columns, without the platform's own record."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select m.field from prov.field_map m"
            " join pg_attribute a on a.attrelid = to_regclass('marts.' || m.mart) and a.attname = m.field"
            " where m.mart = %s and m.field_group not in ('provenance', 'tenant') order by a.attnum",
            (mart,),
        ).fetchall()
    return [row[0] for row in rows]


def _ask(
    connection: Connection[tuple[Any, ...]],
    tenant_id: str,
    found: Property,
    reference: FieldReference,
    as_of: dt.date | None,
) -> Mapping[str, Any] | None:
    moment = None if as_of is None else as_of_end(as_of)
    row: Any = connection.execute(
        "select prov.why(%s::text, %s::uuid, %s::text, %s::timestamptz)",
        (tenant_id, found.property_id, reference.text, moment),
    ).fetchone()
    return row[0] if row else None


def _nothing(found: Property, reference: FieldReference, as_of: dt.date | None) -> str:
    day = f" on {as_of.isoformat()}" if as_of else ""
    return (
        f"property {found.property_id} has no row in {reference.mart}{day}, so {reference.field} was not stated there"
    )


def _fields(connection: Connection[tuple[Any, ...]]) -> dict[str, list[str]]:
    fields: dict[str, list[str]] = {}
    for mart, field in connection.execute("select mart, field from prov.field_map order by mart, field").fetchall():
        fields.setdefault(mart, []).append(field)
    return fields


def _derivations(connection: Connection[tuple[Any, ...]], mart: str) -> Derivations:
    rows = connection.execute(
        "select field, derived_from from prov.field_map where mart = %s and derived_from is not null", (mart,)
    ).fetchall()
    return dict(rows)


def _place(
    connection: Connection[tuple[Any, ...]], raw_files: RawFiles, answer: Why, one: Evidence, derived: Derivations
) -> RecordPlace | None:
    """Where the record of an evidence stands; None where no file or no record stands behind it."""
    if one.file is None or one.record_no is None:
        return None
    if one.file.is_public:
        return _public_place(connection, raw_files, answer, one, derived)
    row = connection.execute(
        "select f.source_entry, f.object_key, i.every, i.byte_offsets from prov.source_file f"
        " left join prov.record_index i on i.tenant_id = f.tenant_id and i.file_no = f.file_no"
        " where f.tenant_id = %s and f.file_no = %s",
        (answer.tenant_id, one.file.file_no),
    ).fetchone()
    if row is None:
        return None
    source, entry = read_source_entry(row[0])
    index = None if row[2] is None else RecordIndex(row[2], row[3], 0)
    columns = source_columns(_stated_field(answer), source.layout(entry).columns, derived)
    return RecordPlace(answer.tenant_id, row[1], one.record_no, source, entry, index, columns)


def _stated_field(answer: Why) -> str:
    """The field as a record states it. A row about a change names in its key the field that changed."""
    of_change = answer.key.get("field") if answer.mart == CHANGES else None
    is_value = answer.field.startswith(("old_value", "new_value", "relative_change"))
    return str(of_change) if of_change is not None and is_value else answer.field


def _public_place(
    connection: Connection[tuple[Any, ...]], raw_files: RawFiles, answer: Why, one: Evidence, derived: Derivations
) -> RecordPlace | None:
    from real_estate_assets.core.references import ReferenceLayerError, parse_references

    if one.file is None or one.record_no is None:
        return None
    row = connection.execute(
        "select layer, object_key from prov.public_file where sha256 = %s", (one.file.sha256,)
    ).fetchone()
    if row is None:
        return None
    try:
        text = raw_files.references_file.read_text(encoding="utf-8")
        reference = parse_references(text, name=raw_files.references_file.name).named(row[0])
    except (OSError, ReferenceLayerError):  # the layer is described no more: its bytes are there, its form is not
        return None
    columns = reference_columns(answer.field, answer.key.get("peril"), reference, derived)
    source, entry = public_layout(reference)
    return RecordPlace(PUBLIC, row[1], one.record_no, source, entry, None, columns)


@dataclass(frozen=True, slots=True)
class WeakRow:
    """A row of a mart with its weak fields. trust_min: the lowest trust among them."""

    key: Mapping[str, Any]
    fields: tuple[str, ...]
    trust_min: float


def low_trust(
    warehouse: Warehouse, tenant_id: str, mart: str, *, below: float, as_of: dt.date | None = None, limit: int = 20
) -> list[WeakRow]:
    """The rows of a tenant's mart with a cell whose trust is under ``below``, weakest first.

    Raises UnknownMartError.
    """
    moment = None if as_of is None else as_of_end(as_of)
    with warehouse.as_app(tenant_id) as connection:
        if mart not in (marts := _fields(connection)):
            raise UnknownMartError(mart, marts)
        rows = connection.execute(
            "select row_key, fields, trust_min from prov.low_trust(%s, %s, %s, %s, %s)",
            (tenant_id, mart, below, moment, limit),
        ).fetchall()
    return [WeakRow(key, tuple(fields), float(trust)) for key, fields, trust in rows]

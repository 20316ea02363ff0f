"""What lineage needs to know of a tenant: its files with their column maps, the fields of the marts.

Belongs here: the look-ups, as the app role of that tenant. Does not belong here: what follows from them
(`core/lineage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, LiteralString

from real_estate_assets.core.lineage.datasets import FileDataset, tenant_namespace
from real_estate_assets.core.provenance.field_map import MappedField
from real_estate_assets.core.references import Reference
from real_estate_assets.core.tenants import read_source_entry
from real_estate_assets.core.tenants.expressions import AnyExpression
from real_estate_assets.stores.warehouse.connection import Warehouse

# What a public layer's records are to the marts; layers of other kinds feed no field of one.
_RECORDS = {"fema_nfhl": "hazard_zone", "fema_nri": "hazard_zone", "fhfa_hpi": "index"}
_FACTS: LiteralString = "uri, sha256, vintage, byte_count, record_count"


def tenant_files(warehouse: Warehouse, tenant_id: str) -> list[FileDataset]:
    """The files of a tenant that count now, in order of arrival."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            f"select source_entry, source_name, record_type, {_FACTS} from prov.source_file"  # noqa: S608 - our own words
            " where tenant_id = %s and is_current order by file_no",
            (tenant_id,),
        ).fetchall()
    found = []
    for entry, name, record_type, *facts in rows:
        source, file = read_source_entry(entry)
        found.append(_file(tenant_namespace(tenant_id), name, record_type, facts, source.layout(file).columns))
    return found


def public_files(warehouse: Warehouse, references: Iterable[Reference]) -> list[FileDataset]:
    """The public layers' newest files that fields of marts are made of, with the columns that are described."""
    described = {one.name: one for one in references if one.kind in _RECORDS}
    with warehouse.as_owner() as connection:
        rows = connection.execute(
            f"select distinct on (layer) layer, {_FACTS} from prov.public_file"  # noqa: S608 - our own words
            " where layer = any (%s) order by layer, received_at desc",
            (list(described),),
        ).fetchall()
    return [_public(described[layer], facts) for layer, *facts in rows]


def _public(one: Reference, facts: Sequence[Any]) -> FileDataset:
    perils = {str(peril): [(part.score_pct, part.rating) for part in parts] for peril, parts in one.perils.items()}
    return _file(tenant_namespace(None), one.name, _RECORDS[one.kind], facts, one.columns, perils)


def _file(
    namespace: str,
    name: str,
    record_type: str,
    facts: Sequence[Any],
    columns: Mapping[str, AnyExpression],
    perils: Mapping[str, Sequence[tuple[str, str]]] | None = None,
) -> FileDataset:
    """facts: in the order of _FACTS."""
    uri, sha256, vintage, byte_count, record_count = facts
    return FileDataset(
        namespace=namespace,
        source_name=name,
        uri=uri,
        record_type=record_type,
        sha256=sha256,
        vintage=vintage,
        byte_count=byte_count,
        record_count=record_count,
        columns=columns,
        perils=perils or {},
    )


def fields_of_marts(warehouse: Warehouse, tenant_id: str) -> list[MappedField]:
    """Every field of every mart, in order."""
    with warehouse.as_app(tenant_id) as connection:
        rows = connection.execute(
            "select mart, field, field_group, method, coalesce(derived_from, '{}') from prov.field_map order by 1, 2"
        ).fetchall()
    return [MappedField(*row) for row in rows]

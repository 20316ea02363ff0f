"""What people reviewed, in the warehouse: versions of source kinds, of the trust model and its priors, checks, fields.

Belongs here: appending versions (one never changes) and replacing what has none. Does not belong here: where any of it
is written down (`core/provenance`, `expectations/`, the models' YAML).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, LiteralString

from real_estate_assets.core.provenance.field_map import MappedField
from real_estate_assets.core.provenance.source_registry import SourceKind
from real_estate_assets.stores.warehouse.connection import Warehouse
from real_estate_assets.stores.warehouse.tables import column_list

if TYPE_CHECKING:
    from pydantic import BaseModel

# What makes one reviewed version, table by table; the other columns are what was reviewed.
VERSIONED: Mapping[LiteralString, tuple[str, ...]] = {
    "source_registry": ("source_kind", "version"),
    "trust_model": ("version",),
    "survival_prior": ("field", "version"),
    "method_prior": ("method", "version"),
}


class RegistryError(ValueError):
    """A released version was edited; the message says which, and what to do."""


def append_versions(warehouse: Warehouse, kinds: Iterable[SourceKind]) -> int:
    """Add the versions of source kinds that are not there yet; returns how many. Raises RegistryError."""
    return append_reviewed(warehouse, {"source_registry": kinds})


def append_reviewed(warehouse: Warehouse, reviewed: Mapping[LiteralString, Iterable[BaseModel]]) -> int:
    """Add the reviewed versions that are not there yet, of several tables or of none; returns how many.

    reviewed: table of `prov` (VERSIONED) -> models whose fields are its columns. Raises RegistryError when a version
    that is there says something else: old answers are given again with the version of their day, so a change is a new
    version.
    """
    added = 0
    with warehouse.as_owner() as connection, connection.transaction():
        for table, models in reviewed.items():
            added += sum(_append(connection, table, model.model_dump()) for model in models)
    return added


def _append(connection: Any, table: LiteralString, row: Mapping[str, Any]) -> bool:
    from psycopg import sql

    key = VERSIONED[table]
    names = column_list(list(row))
    name = sql.Identifier("prov", table)
    where = sql.SQL(" and ").join(sql.SQL("{} = {}").format(sql.Identifier(k), sql.Placeholder(k)) for k in key)
    there = connection.execute(sql.SQL("select {} from {} where {}").format(names, name, where), row).fetchone()
    if there is None:
        values = sql.SQL(", ").join(map(sql.Placeholder, row))
        connection.execute(sql.SQL("insert into {} ({}) values ({})").format(name, names, values), row)
        return True
    if tuple(there) != tuple(row.values()):
        of = f" of '{row[key[0]]}'" if len(key) > 1 else f" of prov.{table}"
        raise RegistryError(
            f"version {row['version']}{of} was released and now reads differently; add a version instead"
        )
    return False


def replace_field_map(warehouse: Warehouse, fields: Iterable[MappedField]) -> int:
    """Make `prov.field_map` equal to the models of this version; returns the number of fields."""
    with warehouse.as_owner() as connection, connection.transaction():
        connection.execute("delete from prov.field_map")
        rows = [(f.mart, f.field, f.field_group, f.method, list(f.derived_from) or None, f.ages) for f in fields]
        connection.cursor().executemany(
            "insert into prov.field_map (mart, field, field_group, method, derived_from, ages)"
            " values (%s, %s, %s, %s, %s, %s)",
            rows,
        )
        return len(rows)


def replace_row_checks(warehouse: Warehouse, checks: Iterable[tuple[str, int | None, str, Sequence[str]]]) -> int:
    """Make `prov.row_check` equal to the given checks; returns how many.

    checks: (name, bit of the mask or None, description, fields). Raises RegistryError where a bit that was released is
    given to another check or taken away: masks of earlier builds would be read wrongly.
    """
    rows = [(name, bit, description, list(fields)) for name, bit, description, fields in checks]
    bits = {name: bit for name, bit, _, _ in rows}
    with warehouse.as_owner() as connection, connection.transaction():
        released = connection.execute("select check_name, bit from prov.row_check where bit is not null").fetchall()
        for name, bit in released:
            if bits.get(name) != bit:
                raise RegistryError(
                    f"row check '{name}' had bit {bit} and now has {bits.get(name)}; masks of earlier builds hold the"
                    " bit, so keep it and give a new check a new one"
                )
        connection.execute("delete from prov.row_check")
        connection.cursor().executemany(
            "insert into prov.row_check (check_name, bit, description, fields) values (%s, %s, %s, %s)", rows
        )
    return len(rows)

"""What people reviewed, in the warehouse: versions of source kinds, and the fields of the marts.

Belongs here: appending versions (one never changes) and replacing the field map. Does not belong here: where either is
written down (`core/provenance`, the models' YAML).
"""

from __future__ import annotations

from collections.abc import Iterable

from real_estate_assets.core.provenance.field_map import MappedField
from real_estate_assets.core.provenance.source_registry import SourceKind
from real_estate_assets.stores.warehouse.connection import Warehouse


class RegistryError(ValueError):
    """A released version of a source kind was edited; the message says which."""


def append_versions(warehouse: Warehouse, kinds: Iterable[SourceKind]) -> int:
    """Add the versions that are not there yet; returns how many.

    Raises RegistryError when a version that is there says something else: old answers are given again with the version
    of their day, so a change is a new version.
    """
    added = 0
    with warehouse.as_owner() as connection, connection.transaction():
        for kind in kinds:
            row = (
                kind.source_kind,
                kind.version,
                kind.reliability,
                kind.reason,
                kind.licence,
                kind.cadence,
                kind.reviewed_by,
                kind.reviewed_on,
            )
            there = connection.execute(
                "select source_kind, version, reliability, reason, licence, cadence, reviewed_by, reviewed_on"
                " from prov.source_registry where source_kind = %s and version = %s",
                (kind.source_kind, kind.version),
            ).fetchone()
            if there is None:
                connection.execute("insert into prov.source_registry values (%s, %s, %s, %s, %s, %s, %s, %s)", row)
                added += 1
            elif tuple(there) != row:
                raise RegistryError(
                    f"version {kind.version} of '{kind.source_kind}' was released and now reads differently;"
                    " add a version instead"
                )
    return added


def replace_field_map(warehouse: Warehouse, fields: Iterable[MappedField]) -> int:
    """Make `prov.field_map` equal to the models of this version; returns the number of fields."""
    with warehouse.as_owner() as connection, connection.transaction():
        connection.execute("delete from prov.field_map")
        rows = [(f.mart, f.field, f.field_group, f.method, list(f.derived_from) or None) for f in fields]
        connection.cursor().executemany(
            "insert into prov.field_map (mart, field, field_group, method, derived_from) values (%s, %s, %s, %s, %s)",
            rows,
        )
        return len(rows)

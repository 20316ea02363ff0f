"""The source registry's reviewed versions in the warehouse. Belongs here: appending them; a version never changes."""

from __future__ import annotations

from collections.abc import Iterable

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
                    f"version {kind.version} of '{kind.source_kind}' was released and now reads differently; add a version instead"
                )
    return added

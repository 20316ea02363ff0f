"""Which field group each field of each mart belongs to, read from dbt's manifest.

Belongs here: the rows of `prov.field_map` as the models' own YAML states them. Does not belong here: writing them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# What a column's meta says when nothing was done to the source's value.
DEFAULT_METHOD = "copy"


class MappedField(NamedTuple):
    """One field of one mart. derived_from: the fields it was computed from, of its own mart unless named mart.field."""

    mart: str
    field: str
    field_group: str
    method: str
    derived_from: Sequence[str]


class UnmappedFieldError(ValueError):
    """A mart's column does not say which field group it belongs to; the message names it and the file to mend."""


def mapped_fields(manifest: Mapping[str, Any]) -> Iterator[MappedField]:
    """Every column of every mart. Raises UnmappedFieldError naming the first column without a field group."""
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["schema"] != "marts":
            continue
        for name, column in node["columns"].items():
            meta = {**column.get("meta", {}), **column.get("config", {}).get("meta", {})}
            if "field_group" not in meta:
                raise UnmappedFieldError(
                    f"{node['name']}.{name} has no meta.field_group; state it in {node['patch_path'].split('://')[-1]}"
                )
            method = meta.get("method", DEFAULT_METHOD)
            yield MappedField(node["name"], name, meta["field_group"], method, meta.get("derived_from", []))

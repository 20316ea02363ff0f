"""What is known of each field of each mart before any value is seen, read from dbt's manifest.

Belongs here: the rows of `prov.field_map` as the models' own YAML states them. Does not belong here: writing them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

# What a column's meta says when nothing was done to the source's value.
DEFAULT_METHOD = "copy"


class MappedField(NamedTuple):
    """One field of one mart.

    derived_from: the fields it was computed from, of its own mart unless named mart.field. ages: whether the value
    grows old; what is said of a dated event (a recorded sale, the assessment of a fiscal year) does not.
    """

    mart: str
    field: str
    field_group: str
    method: str
    derived_from: Sequence[str]
    ages: bool = True


class UnmappedFieldError(ValueError):
    """A mart's column does not say what it has to; the message names it and the file to mend."""


def mapped_fields(manifest: Mapping[str, Any]) -> Iterator[MappedField]:
    """Every column of every mart.

    Raises UnmappedFieldError naming the first column without a field group, or whose `ages` is neither true nor false.
    """
    for node in manifest["nodes"].values():
        if node["resource_type"] != "model" or node["schema"] != "marts":
            continue
        of_model = _meta(node)
        for name, column in node["columns"].items():
            meta = _meta(column)
            where = f"{node['name']}.{name}"
            if "field_group" not in meta:
                raise UnmappedFieldError(f"{where} has no meta.field_group; state it in {_file(node)}")
            ages = meta.get("ages", of_model.get("ages", True))
            if not isinstance(ages, bool):
                raise UnmappedFieldError(f"{where}: meta.ages is true or false, not {ages!r}; mend it in {_file(node)}")
            method = meta.get("method", DEFAULT_METHOD)
            yield MappedField(node["name"], name, meta["field_group"], method, meta.get("derived_from", []), ages)


def _meta(described: Mapping[str, Any]) -> dict[str, Any]:
    """Meta of a model or a column: dbt writes it in one of two places."""
    return {**described.get("meta", {}), **described.get("config", {}).get("meta", {})}


def _file(node: Mapping[str, Any]) -> str:
    return str(node["patch_path"].split("://")[-1])

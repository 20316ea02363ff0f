"""Which columns of which files each field of a mart was made of.

Belongs here: following `prov.field_map` and the tenant's column maps. Does not belong here: single cells (`prov.why`
answers for those), OpenLineage's own classes (`events.py`).

Only what is known is said: a field that no file's column feeds (a count, a fingerprint) has no entry.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from real_estate_assets.core.lineage.datasets import FileDataset
from real_estate_assets.core.provenance.field_map import MappedField
from real_estate_assets.core.provenance.source_columns import root_fields
from real_estate_assets.core.tenants.expressions import AnyExpression, ColumnExpression, columns_of

IDENTITY, TRANSFORMATION, AGGREGATION = "IDENTITY", "TRANSFORMATION", "AGGREGATION"

# Which records stand behind a field group. A hazard comes from public layers or from a layer that the tenant brought.
_RECORDS = {
    "assessor": ("property",),
    "old_assessor": ("property",),
    "new_assessor": ("property",),
    "sale": ("property",),
    "parcel_geometry": ("parcel", "property"),
    "owner": ("owner",),
    "hazard": ("hazard_zone",),
    "market_index": ("index",),
}
_OWN_RECORD = ("tenant", "provenance")


@dataclass(frozen=True, slots=True)
class InputColumn:
    """A column that a field was made of. subtype: as OpenLineage names it; method: as `prov.field_map` does."""

    namespace: str
    dataset: str
    column: str
    subtype: str
    method: str


def mart_columns(
    mart: str, fields: Sequence[MappedField], files: Sequence[FileDataset], namespace: str
) -> dict[str, tuple[InputColumn, ...]]:
    """Field -> what it was made of, for the fields of one mart of which something is known, in the order of the fields.

    namespace: that of the tenant, for fields of other marts.
    """
    own = [one for one in fields if one.mart == mart]
    derived_from = {one.field: one.derived_from for one in own}
    found = {}
    for one in own:
        if one.field_group not in _OWN_RECORD:
            inputs = dict.fromkeys(_inputs(one, derived_from, files, namespace))
            if inputs:
                found[one.field] = tuple(inputs)
    return found


def _inputs(
    one: MappedField, derived_from: Mapping[str, Sequence[str]], files: Sequence[FileDataset], namespace: str
) -> Iterator[InputColumn]:
    for root in root_fields(one.field, derived_from):
        mart, _, name = root.rpartition(".")
        if mart:
            subtype = AGGREGATION if one.field_group == "aggregate" else TRANSFORMATION
            yield InputColumn(namespace, f"marts.{mart}", name, subtype, one.method)
            continue
        for file in files:
            if file.record_type in _RECORDS.get(one.field_group, ()):
                yield from _of_file(one, name, file)


def _of_file(one: MappedField, name: str, file: FileDataset) -> Iterator[InputColumn]:
    expression = file.columns.get(name)
    if expression is not None:
        subtype = IDENTITY if _is_copied(one, name, expression) else TRANSFORMATION
        for column in columns_of(expression):
            yield InputColumn(file.namespace, file.name, column, subtype, one.method)
    for components in file.perils.values():
        for score, rating in components:
            if name == "category":
                yield InputColumn(file.namespace, file.name, rating, IDENTITY, one.method)
            elif one.field == "hazard_score":
                yield InputColumn(file.namespace, file.name, score, TRANSFORMATION, one.method)


def _is_copied(one: MappedField, name: str, expression: AnyExpression) -> bool:
    """Whether the mart says what the file's cell says: the field is not derived and the column not converted."""
    if name != one.field or not isinstance(expression, ColumnExpression):
        return False
    return expression.unit is None and expression.values is None and expression.regex is None

"""Which columns of a source file fed a field of a mart.

Belongs here: following a field through the fields it was derived from to the column map of the file. Does not belong
here: what the column map means (`core/tenants`), and which file (`prov.why` says that).

Used for the mark in a raw record and for OpenLineage's column lineage: both must tell the same story.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from real_estate_assets.core.references import Reference
from real_estate_assets.core.tenants.expressions import AnyExpression, columns_of

Derivations = Mapping[str, Sequence[str]]  # field -> the fields it was derived from, of its own mart or mart.field


def root_fields(field: str, derived_from: Derivations) -> tuple[str, ...]:
    """The fields at the bottom of a derivation, each once, in order; the field itself where it is derived from none."""
    return tuple(dict.fromkeys(_roots(field, derived_from, frozenset())))


def _roots(field: str, derived_from: Derivations, seen: frozenset[str]) -> Iterator[str]:
    parents = [parent for parent in derived_from.get(field) or () if parent not in seen]
    if not parents:
        yield field
    for parent in parents:
        yield from _roots(parent, derived_from, seen | {field})


def source_columns(field: str, expressions: Mapping[str, AnyExpression], derived_from: Derivations) -> tuple[str, ...]:
    """The file's columns that a field is read from, each once; empty where the file states nothing of the kind.

    expressions: the column map that the file is read by.
    """
    columns: list[str] = []
    for root in root_fields(field, derived_from):
        name = root.rpartition(".")[2]
        if name in expressions:
            columns += columns_of(expressions[name])
    return tuple(dict.fromkeys(columns))


def is_copied(field: str, expressions: Mapping[str, AnyExpression], derived_from: Derivations) -> bool:
    """Whether a field is one column of the file as it stands, at most converted: no sum, no choice, no derivation."""
    return not derived_from.get(field) and len(source_columns(field, expressions, derived_from)) == 1


def reference_columns(
    field: str, peril: str | None, reference: Reference, derived_from: Derivations
) -> tuple[str, ...]:
    """The columns of a public layer that a hazard field is read from. A score file has columns of its own by peril."""
    if peril is not None and peril in reference.perils:
        components = reference.perils[peril]  # type: ignore[index]
        name = "rating" if field == "category" else "score_pct"
        return tuple(getattr(component, name) for component in components)
    found = source_columns(field, reference.columns, derived_from)
    return found or source_columns("zone_code", reference.columns, {})

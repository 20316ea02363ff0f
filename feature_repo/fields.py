"""The fields of each view, from the registry of features.

Belongs here: which columns a view serves, and of which type in Postgres. No Feast: whoever wants to know whether
anything changed must not wait the seconds that importing it takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from real_estate_assets.core.features.registry import Dtype, Entity, stored

VIEWS: Mapping[Entity, str] = {"property": "property_features", "market": "market_features"}
KEYS: Mapping[Entity, str] = {"property": "property_id", "market": "market_id"}
TENANT_KEY = "tenant_id"
# Beside the features. A row's reasons and run ids may be long, and hundreds of rows share the same ones, so a row holds
# only the name of its note; in Redis one value of over 64 bytes would make the whole hash three times as large.
NOTE = "row_note"
MARKET = "market_of_property"  # `market_id` is the market view's key, and one service serves both views
NOTE_SQL = "left(md5(null_reasons::text || ' ' || array_to_string(run_ids, ',')), 16)"

SQL_TYPES: Mapping[Dtype, str] = {
    "float": "double precision",
    "int": "bigint",
    "string": "text",
    "bool": "boolean",
    "timestamp": "timestamptz",
}


@dataclass(frozen=True, slots=True)
class ServedField:
    """One field of a view. expression: what gives it, over the table of `features` that has the view's name."""

    name: str
    dtype: Dtype
    expression: str
    description: str


def fields(entity: Entity) -> tuple[ServedField, ...]:
    """The fields of an entity's view without its keys: each stored feature in the registry's order, then the others."""
    of_registry = [
        ServedField(one.name, one.dtype, f'"{one.name}"::{SQL_TYPES[one.dtype]}', one.definition)
        for one in stored(entity)
    ]
    market = ServedField(MARKET, "string", "market_id", "The market of the property, a key of market_features.")
    note = ServedField(NOTE, "string", NOTE_SQL, "Names the row's note: why its features are null, and its run ids.")
    return (*of_registry, *([market] if entity == "property" else []), note)

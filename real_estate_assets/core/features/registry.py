"""The registry of features: the typed reading of `registry.yaml`, reviewed like code.

Belongs here: what an entry must say and what follows from it alone. Does not belong here: how a value is computed
(`stores/warehouse/features_sql.py`), nor how the registry is shown (`pages.py`).
"""

from __future__ import annotations

import re
from functools import cache
from importlib import resources
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Entity = Literal["property", "market"]
Dtype = Literal["float", "int", "string", "bool", "timestamp"]
PROPERTY_NUMBERS, MARKET_NUMBERS = 41, 13

# Why a feature is null for every tenant.
NO_SOURCE = {
    "no_source": "no source that tenants bring states it",
    "no_canonical_field": "some sources state it, but the marts have no column for it yet",
    "no_listings": "it is computed from listings, and no source of listings is connected",
    "no_rate_series": "no mortgage rate series may be shipped, and none is connected",
}
# Why a feature may have one value for all properties of a tenant.
SINGLE_VALUED = {
    "county_score": "the finest evidence is one score for the whole county",
    "one_source": "one source read one way supports the field of every property equally",
    "asset_partition": "it describes the tenant's table as a whole",
}
_COLUMN = re.compile(r"\b((?:dim|fct)_[a-z_]+)\.([a-z_]+)\b")


class Feature(BaseModel):
    """One feature. `source`: an expression over marts or words naming mart columns; None: null, with `null_reason`.

    unit: None for words, flags and ids. is_key: a key of its table, not a column beside. on_demand: computed when it is
    asked, from other features; in no table. number: its place in the list of 41 (property) or 13 (market), if any.
    single_valued: code of SINGLE_VALUED.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    entity: Entity
    number: int | None = Field(default=None, ge=1)
    group: str
    dtype: Dtype
    unit: str | None
    definition: str = Field(min_length=10)
    source: str | None = None
    null_reason: str | None = None
    is_key: bool = False
    on_demand: bool = False
    single_valued: str | None = None

    @model_validator(mode="after")
    def _is_explained(self) -> Self:
        if (self.source is None) == (self.null_reason is None):
            raise ValueError(f"{self.name} needs either a source or a null_reason, not both")
        if self.null_reason is not None and self.null_reason not in NO_SOURCE:
            raise ValueError(f"{self.name}: null_reason {self.null_reason!r} is none of {', '.join(NO_SOURCE)}")
        if self.single_valued is not None and self.single_valued not in SINGLE_VALUED:
            raise ValueError(f"{self.name}: single_valued {self.single_valued!r} is none of {', '.join(SINGLE_VALUED)}")
        return self

    @property
    def is_stored(self) -> bool:
        """Whether the feature is a column of its table beside the keys."""
        return not (self.is_key or self.on_demand)

    @property
    def columns(self) -> tuple[tuple[str, str], ...]:
        """(mart, column) that the source names, in order, each once."""
        return tuple(dict.fromkeys(_COLUMN.findall(self.source or "")))


@cache
def features() -> tuple[Feature, ...]:
    """All features in file order.

    Raises ValueError (pydantic's among them) for an entry that is not explained, a name stated twice within an entity,
    or numbers that are not 1 to 41 and 1 to 13.
    """
    from ruamel.yaml import YAML

    text = (resources.files("real_estate_assets.core.features") / "registry.yaml").read_text(encoding="utf-8")
    found = tuple(Feature.model_validate(entry) for entry in YAML(typ="safe").load(text)["features"])
    names = [feature.name for feature in found]
    if len(set(names)) != len(names):  # of both entities: a feature service holds both side by side
        raise ValueError("registry.yaml states a feature twice")
    for entity, last in (("property", PROPERTY_NUMBERS), ("market", MARKET_NUMBERS)):
        numbers = sorted(f.number for f in found if f.entity == entity and f.number is not None)
        if numbers != list(range(1, last + 1)):
            raise ValueError(f"registry.yaml: the {entity} features' numbers are not 1 to {last}")
    return found


def stored(entity: Entity) -> tuple[Feature, ...]:
    """The features of one entity that are columns of its table, in file order."""
    return tuple(feature for feature in features() if feature.entity == entity and feature.is_stored)


def numbered(entity: Entity) -> tuple[Feature, ...]:
    """The features of the list of 41 or 13, by number."""
    return tuple(sorted((f for f in features() if f.entity == entity and f.number), key=lambda f: f.number or 0))

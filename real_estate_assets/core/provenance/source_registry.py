"""The source registry: how far each kind of source may be believed before anything is measured, and why.

Belongs here: the typed reading of `source_registry.yaml`, reviewed like code. Does not belong here: measured agreement,
which is stored as new versions beside these priors.
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from importlib import resources

from pydantic import BaseModel, ConfigDict, Field


class SourceKind(BaseModel):
    """One reviewed version of one kind of source."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    source_kind: str
    version: int = Field(ge=1)
    reliability: float = Field(ge=0, le=1)
    reason: str = Field(min_length=40)
    licence: str
    cadence: str
    reviewed_by: str
    reviewed_on: dt.date


@cache
def source_kinds() -> tuple[SourceKind, ...]:
    """All reviewed versions, in file order. Raises ValueError for an entry without a reason, or one stated twice."""
    from ruamel.yaml import YAML

    text = (resources.files("real_estate_assets.core.provenance") / "source_registry.yaml").read_text(encoding="utf-8")
    kinds = tuple(SourceKind.model_validate(entry) for entry in YAML(typ="safe").load(text)["source_kinds"])
    stated = [(kind.source_kind, kind.version) for kind in kinds]
    if len(set(stated)) != len(stated):
        raise ValueError("source_registry.yaml states a version of a source kind twice")
    return kinds

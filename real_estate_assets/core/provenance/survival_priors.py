"""How likely each field's value is still right a year later, before two vintages were compared.

Belongs here: the typed reading of `survival_priors.yaml`. Does not belong here: measured survival (`calibration.py`).
"""

from __future__ import annotations

import datetime as dt
from functools import cache
from itertools import chain

from pydantic import Field

from real_estate_assets.core.provenance.reviewed import Reviewed, read_register


class SurvivalPrior(Reviewed):
    """One reviewed version of one field; a row of prov.survival_prior."""

    field: str
    version: int = Field(ge=1)
    survival_per_year: float = Field(gt=0, lt=1)
    reason: str = Field(min_length=40)
    reviewed_by: str
    reviewed_on: dt.date


class _Entry(Reviewed):
    """As the file states it: fields that live alike share a figure and its reason."""

    fields: tuple[str, ...] = Field(min_length=1)
    version: int = Field(ge=1)
    survival_per_year: float
    reason: str
    reviewed_by: str
    reviewed_on: dt.date


@cache
def survival_priors() -> tuple[SurvivalPrior, ...]:
    """All reviewed versions of all fields, in file order. Raises ValueError for a version of a field stated twice."""
    entries = read_register("survival_priors", _Entry, lambda one: (one.version, one.fields))
    priors = tuple(chain.from_iterable(_of_each_field(entry) for entry in entries))
    stated = [(prior.field, prior.version) for prior in priors]
    twice = sorted({f"{field}, version {version}" for field, version in stated if stated.count((field, version)) > 1})
    if twice:
        raise ValueError(f"survival_priors.yaml states twice: {'; '.join(twice)}")
    return priors


def newest_survivals() -> dict[str, float]:
    """Field -> survival per year of its newest version."""
    return {prior.field: prior.survival_per_year for prior in sorted(survival_priors(), key=lambda one: one.version)}


def _of_each_field(entry: _Entry) -> list[SurvivalPrior]:
    shared = entry.model_dump(exclude={"fields"})
    return [SurvivalPrior(field=field, **shared) for field in entry.fields]

"""The constants of the trust formula: what an unknown counts as, how much a prior weighs, where the bands lie.

Belongs here: the typed reading of `trust_model.yaml`, reviewed like code. Does not belong here: the formula, which
stands once, in SQL (`prov.trust`).
"""

from __future__ import annotations

import datetime as dt
from functools import cache

from pydantic import Field, model_validator

from real_estate_assets.core.provenance.reviewed import Reviewed, read_register


class TrustModel(Reviewed):
    """One reviewed version; the columns of prov.trust_model. Shares and factors 0 to 1, times in days."""

    version: int = Field(ge=1)
    unknown_reliability: float = Field(ge=0, le=1)
    unknown_half_life_days: float = Field(gt=0)
    unknown_age_days: float = Field(ge=0)
    unknown_method: float = Field(ge=0, le=1)
    unknown_confidence: float = Field(ge=0, le=1)
    no_check_factor: float = Field(ge=0, le=1)
    failed_check_factor: float = Field(ge=0, le=1)
    prior_weight: float = Field(gt=0)
    minimum_n: int = Field(gt=0)
    solid_from: float = Field(ge=0, le=1)
    weak_below: float = Field(ge=0, le=1)
    alarm_difference: float = Field(ge=0, le=1)
    reason: str = Field(min_length=40)
    reviewed_by: str
    reviewed_on: dt.date

    @model_validator(mode="after")
    def _bands_in_order(self) -> TrustModel:
        if self.weak_below > self.solid_from:
            raise ValueError("weak_below lies above solid_from, so a cell could be both weak and solid")
        return self

    @property
    def unknown_survival_per_year(self) -> float:
        """Share that survives a year at the half-life of a field nobody reviewed."""
        return float(0.5 ** (365.25 / self.unknown_half_life_days))


@cache
def trust_models() -> tuple[TrustModel, ...]:
    """All reviewed versions, in file order. Raises ValueError where the file is not as described."""
    return read_register("trust_model", TrustModel, lambda one: one.version)


def newest_model() -> TrustModel:
    """The version that holds today."""
    return max(trust_models(), key=lambda one: one.version)

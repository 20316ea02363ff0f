"""What each method does to the chance that a value is right, before an audit or an answer key has measured it.

Belongs here: the typed reading of `method_priors.yaml`. Does not belong here: measured factors (`calibration.py`).
"""

from __future__ import annotations

import datetime as dt
from functools import cache

from pydantic import Field

from real_estate_assets.core.provenance.reviewed import Reviewed, read_register


class MethodPrior(Reviewed):
    """One reviewed version of one method; a row of prov.method_prior. factor None: nothing is known, counted as low."""

    method: str
    version: int = Field(ge=1)
    factor: float | None = Field(ge=0, le=1)
    reason: str = Field(min_length=40)
    reviewed_by: str
    reviewed_on: dt.date


@cache
def method_priors() -> tuple[MethodPrior, ...]:
    """All reviewed versions, in file order. Raises ValueError where the file is not as described."""
    return read_register("method_priors", MethodPrior, lambda one: (one.method, one.version))

"""Whether a study lies within the published bands, and how sure that is.

Belongs here: the typed reading of `iaao_bands.yaml` and the verdict. Does not belong here: what happens then (an asset
check warns), our own goals.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from real_estate_assets.core.provenance.reviewed import Reviewed

if TYPE_CHECKING:
    from real_estate_assets.core.ratio_study.intervals import Interval
    from real_estate_assets.core.ratio_study.study import RatioStudy

PropertyClass = Literal[
    "single_family_homogeneous", "single_family", "other_residential", "income_producing", "vacant_land"
]
Place = Literal["inside", "below", "above", "unknown"]
_ANY = "any"
_WORDS = {
    "median_ratio": "median ratio", "cod": "COD", "prd": "PRD", "prb": "PRB", "vei": "VEI",
}  # fmt: skip


class Band(Reviewed):
    """One reviewed version of one figure's band for one class of property (or any)."""

    figure: Literal["median_ratio", "cod", "prd", "prb", "vei"]
    property_class: PropertyClass | Literal["any"]
    version: int = Field(ge=1)
    low: float
    high: float
    source: str = Field(min_length=20)
    reviewed_by: str
    reviewed_on: dt.date

    @model_validator(mode="after")
    def _rises(self) -> Band:
        if not self.low < self.high:
            raise ValueError(f"band of {self.figure}: low {self.low} is not below high {self.high}")
        return self


@dataclass(frozen=True, slots=True)
class Verdict:
    """Where one figure lies: by its value, and whether its whole interval agrees.

    place: where the value lies; `unknown` where there is none. is_certain: the whole interval lies on that side; None
    without an interval. For VEI outside the band the drafts ask for their own significance above 10, and so does this.
    """

    figure: str
    value: float | None
    interval: Interval | None
    low: float
    high: float
    place: Place
    is_certain: bool | None
    source: str

    @property
    def is_inside(self) -> bool | None:
        """None where the figure is unknown."""
        return None if self.place == "unknown" else self.place == "inside"

    @property
    def sentence(self) -> str:
        """The numbers, the band and the verdict, for an asset check."""
        band = f"the IAAO band {self.low:g} to {self.high:g}"
        name = _WORDS[self.figure]
        if self.value is None:
            return f"{name} is not known (too few sales, or all of one value); {band}"
        found = f"{name} {self.value:.3f}"
        if self.interval is not None:
            found += f" (95 %: {self.interval.low:.3f} to {self.interval.high:.3f})"
        if self.place == "inside":
            doubt = "" if self.is_certain else "; the interval reaches outside"
            return f"{found} is inside {band}{doubt}"
        doubt = "" if self.is_certain else "; by chance it may be inside"
        hint = "; so even a COD is a sign of sales chasing" if self.figure == "cod" and self.place == "below" else ""
        return f"{found} is {self.place} {band}{doubt}{hint}"


def iaao_verdicts(study: RatioStudy, property_class: PropertyClass = "single_family") -> list[Verdict]:
    """One verdict a figure that has a band for this class: median ratio, COD, PRD, PRB, VEI, in this order."""
    return [_verdict(study, band) for band in bands(property_class)]


@cache
def bands(property_class: PropertyClass = "single_family") -> tuple[Band, ...]:
    """The newest band of each figure for this class, in file order."""
    newest: dict[str, Band] = {}
    for band in sorted(_register(), key=lambda one: one.version):
        if band.property_class in (property_class, _ANY):
            newest[band.figure] = band
    return tuple(newest[figure] for figure in _WORDS if figure in newest)


@cache
def _register() -> tuple[Band, ...]:
    """All reviewed bands. Raises ValueError for an unknown key, a band that does not rise, one stated twice."""
    from ruamel.yaml import YAML

    file = resources.files("real_estate_assets.core.ratio_study") / "iaao_bands.yaml"
    found = tuple(
        Band.model_validate(one) for one in YAML(typ="safe").load(file.read_text(encoding="utf-8"))["iaao_bands"]
    )
    stated = [(one.figure, one.property_class, one.version) for one in found]
    twice = sorted({" ".join(map(str, one)) for one in stated if stated.count(one) > 1})
    if twice:
        raise ValueError(f"iaao_bands.yaml states twice: {', '.join(twice)}")
    return found


def _verdict(study: RatioStudy, band: Band) -> Verdict:
    value, interval = study.value(band.figure), study.interval(band.figure)
    place: Place = "unknown"
    if value is not None:
        place = "below" if value < band.low else "above" if value > band.high else "inside"
    return Verdict(
        band.figure, value, interval, band.low, band.high, place, _is_certain(study, band, place), band.source
    )


def _is_certain(study: RatioStudy, band: Band, place: Place) -> bool | None:
    interval = study.interval(band.figure)
    if interval is None or place == "unknown":
        return None
    if place == "inside":
        return band.low <= interval.low and interval.high <= band.high
    if band.figure == "vei" and study.vertical_equity is not None:
        return study.vertical_equity.significance > band.high
    return interval.high < band.low if place == "below" else interval.low > band.high

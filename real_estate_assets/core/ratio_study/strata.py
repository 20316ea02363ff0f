"""Ratio studies by stratum: class, area, price group.

Belongs here: splitting the sales by a label, the least number of sales of a stratum, labels by price. Does not belong
here: where labels come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from real_estate_assets.core.ratio_study.figures import value_proxy
from real_estate_assets.core.ratio_study.sample import RatioStudyError, Sample, checked_pairs
from real_estate_assets.core.ratio_study.study import RatioStudy, ratio_study

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

# Chosen here, not by the standard: at a COD of 12, thirty sales give the COD an interval of about +-3 points, and with
# fewer the interval covers the whole band of 5 to 15.
MINIMUM_STRATUM = 30
NOT_STATED = "not stated"  # sales whose class or area nobody knows are a stratum too, or they would be lost silently
QUARTILES = ("1 lowest", "2", "3", "4 highest")


@dataclass(frozen=True, slots=True)
class Stratum:
    """One label's sales: how many, and their study, or the reason why there is none."""

    name: str
    n: int
    study: RatioStudy | None
    reason: str | None


def stratified(
    assessed: ArrayLike, sold: ArrayLike, labels: Sequence[str | None], *, minimum: int = MINIMUM_STRATUM
) -> list[Stratum]:
    """One stratum a label, in the labels' order of writing; every sale is in exactly one.

    assessed, sold: dollars, shape (n,). labels: n texts; None counts as `not stated`. minimum: a stratum of fewer sales
    keeps its count and says why it has no study; at least 2. Raises RatioStudyError as `ratio_study` does, and for
    another number of labels than sales.
    """
    import numpy as np

    estimates, prices = checked_pairs(assessed, sold)
    if len(labels) != prices.size:
        raise RatioStudyError(f"{len(labels)} labels for {prices.size} sales: give one label for each, None if unknown")
    if minimum < 2:
        raise RatioStudyError(f"a stratum needs a minimum of at least 2 sales, got {minimum}")
    named = np.asarray([NOT_STATED if label is None else str(label) for label in labels])
    strata = []
    for name in sorted(set(named.tolist())):
        inside = named == name
        count = int(inside.sum())
        if count < minimum:
            strata.append(Stratum(name, count, None, f"fewer than {minimum} sales"))
        else:
            strata.append(Stratum(name, count, ratio_study(estimates[inside], prices[inside]), None))
    return strata


def price_quartiles(assessed: ArrayLike, sold: ArrayLike) -> list[str]:
    """For each sale, in the order given, the quartile of its value, from `1 lowest` to `4 highest`.

    Value is the price proxy (half the sale price, half the estimate at the level of prices), not the price: quartiles
    of the sale price make every study look regressive, because a price high by chance is a low ratio. Equal values
    share a quartile. Raises RatioStudyError as `ratio_study` does.
    """
    import numpy as np

    estimates, prices = checked_pairs(assessed, sold)
    proxy = value_proxy(Sample(estimates, prices, estimates / prices))
    limits = np.quantile(proxy, [0.25, 0.5, 0.75])
    return [QUARTILES[place] for place in np.searchsorted(limits, proxy, side="left").tolist()]

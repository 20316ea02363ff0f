"""Sales chasing: signs that estimates were moved to the prices they are then judged by.

Belongs here: two looks at the middle of the ratios, and what they say together. Does not belong here: proof. Neither
look is a test with a known error rate; both raise a question that the appraiser answers.

1. Distribution: the share of ratios within 2 % of market value, against a normal distribution of the same mean and
   standard deviation (IAAO, Standard on Ratio Studies, 2013, appendix E.4). Too many by more than three percentage
   points: bunched. Ratios of a good model have a sharper middle than a normal distribution, so this alone is weak.
2. Jump: the largest part of all sales at one ratio, to three decimals, within the same 2 %. A distribution function
   that jumps by more than 3 % at one place says that prices were copied (the published method of the Cook County
   Assessor's Office, ccao-data.github.io/assessr, with the same limits; here equal to three decimals counts as equal,
   because copied prices are rounded to the next hundred dollars).

Chasing is suspected where both say so, as that office does.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from real_estate_assets.core.ratio_study.sample import sample

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

BOUNDS = (0.98, 1.02)
LIMIT = 0.03
MINIMUM_SALES = 100  # with fewer, four equal ratios by chance would already be a jump of 4 %
_DECIMALS = 3


@dataclass(frozen=True, slots=True)
class SalesChasing:
    """share_within: of the ratios from .98 to 1.02, 0 to 1. share_expected: of the normal distribution. jump: the
    largest part of the sales at one ratio in there, jump_at that ratio (None: no ratio is in there).
    is_suspected: None where the sales are too few to say, and `reason` says so.
    """

    n: int
    share_within: float
    share_expected: float
    jump: float
    jump_at: float | None
    is_suspected: bool | None
    reason: str | None

    @property
    def is_bunched(self) -> bool:
        """Whether the first look finds more ratios in the middle than expected."""
        return _is_bunched(self.share_within, self.share_expected)

    @property
    def has_jump(self) -> bool:
        """Whether the second look finds a jump."""
        return self.jump > LIMIT

    @property
    def sentence(self) -> str:
        """Both looks in numbers, and what they say together."""
        verdict = {None: self.reason, False: "no sign of sales chasing", True: "sales chasing is suspected"}
        at = "" if self.jump_at is None else f" (at {self.jump_at:.3f})"
        return (
            f"{self.share_within:.1%} of ratios within 2 % of the price, {self.share_expected:.1%} expected; "
            f"at most {self.jump:.1%} at one ratio{at}: {verdict[self.is_suspected]}"
        )


def sales_chasing(assessed: ArrayLike, sold: ArrayLike) -> SalesChasing:
    """Both looks at these sales. Estimates must be at market level (median ratio near 1), or nothing is in the middle.

    assessed, sold: dollars, shape (n,). Raises RatioStudyError as `ratio_study` does.
    """
    import numpy as np

    ratios = sample(assessed, sold).ratios
    low, high = BOUNDS
    inside = ratios[(ratios >= low) & (ratios <= high)]
    mean, deviation = float(np.mean(ratios)), float(np.std(ratios, ddof=1))
    if deviation > 0:
        normal = NormalDist(mean, deviation)
        expected = normal.cdf(high) - normal.cdf(low)
    else:
        expected = float(low <= mean <= high)
    places, counts = np.unique(np.round(inside, _DECIMALS), return_counts=True)
    jump = float(counts.max() / ratios.size) if counts.size else 0.0
    within = inside.size / ratios.size
    is_enough = ratios.size >= MINIMUM_SALES
    return SalesChasing(
        n=ratios.size,
        share_within=within,
        share_expected=expected,
        jump=jump,
        jump_at=float(places[counts.argmax()]) if counts.size else None,
        is_suspected=_is_bunched(within, expected) and jump > LIMIT if is_enough else None,
        reason=None if is_enough else f"fewer than {MINIMUM_SALES} sales, too few to say",
    )


def _is_bunched(within: float, expected: float) -> bool:
    return within - expected > LIMIT

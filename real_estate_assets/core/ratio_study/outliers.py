"""Outlying ratios: what a trimming rule would drop, and what that does to the figures.

Belongs here: the rule of quartiles and its report. Does not belong here: dropping anything from a study that is called
the study. Nothing here changes `ratio_study`; both studies stand side by side.

Source: IAAO, Standard on Ratio Studies (2013), appendix B: ratios beyond 1.5 interquartile ranges are outliers, beyond
3 extreme; trimming is to be documented.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from real_estate_assets.core.ratio_study.sample import RatioStudyError, checked_pairs
from real_estate_assets.core.ratio_study.study import RatioStudy, ratio_study

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

EXTREME, OUTLYING = 3.0, 1.5


@dataclass(frozen=True, slots=True)
class Outliers:
    """A trimming rule and both studies: of all sales, and without the outliers (None: fewer than 2 are left).

    low_limit, high_limit: ratios; a ratio outside is an outlier. too_low, too_high: how many lie below and above.
    is_outlier: shape (n,), in the order given.
    """

    multiple: float
    low_limit: float
    high_limit: float
    too_low: int
    too_high: int
    is_outlier: NDArray[np.bool_]
    all_sales: RatioStudy
    without: RatioStudy | None

    @property
    def share(self) -> float:
        """Part of the sales that the rule would drop, 0 to 1."""
        return (self.too_low + self.too_high) / self.all_sales.n

    @property
    def sentence(self) -> str:
        """What the rule drops, and the COD with and without."""
        after = "no study is left" if self.without is None else f"{self.without.cod:.1f} without them"
        return (
            f"{self.too_low + self.too_high:,} of {self.all_sales.n:,} ratios lie more than {self.multiple:g} "
            f"interquartile ranges outside the quartiles ({self.too_low:,} below {self.low_limit:.3f}, "
            f"{self.too_high:,} above {self.high_limit:.3f}); COD {self.all_sales.cod:.1f} with all sales, {after}"
        )


def outlier_report(assessed: ArrayLike, sold: ArrayLike, *, multiple: float = EXTREME) -> Outliers:
    """What dropping ratios more than `multiple` interquartile ranges outside the quartiles would do.

    assessed, sold: dollars, shape (n,). Quartiles by linear interpolation. Raises RatioStudyError as `ratio_study`
    does, and for a multiple that is not above zero.
    """
    import numpy as np

    if not multiple > 0:
        raise RatioStudyError(f"an outlier rule needs a multiple above zero, usual are 1.5 and 3, got {multiple}")
    estimates, prices = checked_pairs(assessed, sold)
    ratios = estimates / prices
    first, third = np.quantile(ratios, [0.25, 0.75])
    low, high = first - multiple * (third - first), third + multiple * (third - first)
    too_low, too_high = ratios < low, ratios > high
    kept = ~(too_low | too_high)
    return Outliers(
        multiple=multiple,
        low_limit=float(low),
        high_limit=float(high),
        too_low=int(too_low.sum()),
        too_high=int(too_high.sum()),
        is_outlier=~kept,
        all_sales=ratio_study(estimates, prices),
        without=ratio_study(estimates[kept], prices[kept]) if kept.sum() >= 2 else None,
    )

"""The figures of a ratio study as numbers: level, uniformity, vertical equity, closeness.

Belongs here: one formula a function, over checked pairs. Does not belong here: intervals, the vertical equity
indicator (`vertical_equity.py`), what counts as good (`bands.py`).

Formulas: IAAO, Standard on Ratio Studies (April 2013); they give the printed figures of its tables 1-1 and D-1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from real_estate_assets.core.ratio_study.sample import Sample


@dataclass(frozen=True, slots=True)
class Line:
    """A fitted straight line's slope and its standard error (None: fewer than three points)."""

    slope: float
    standard_error: float | None


def median_ratio(ratios: NDArray[np.float64]) -> float:
    """Level of appraisal: half of the sales are estimated at a higher ratio, half at a lower. 1 is market value."""
    import numpy as np

    return float(np.median(ratios))


def weighted_mean(assessed: NDArray[np.float64], sold: NDArray[np.float64]) -> float:
    """Sum of estimates over sum of prices: the ratio of the average dollar."""
    return float(assessed.sum() / sold.sum())


def cod(ratios: NDArray[np.float64]) -> float:
    """Coefficient of dispersion, percent: mean absolute deviation from the median ratio over the median ratio."""
    import numpy as np

    middle = np.median(ratios)
    return float(100 * np.mean(np.abs(ratios - middle)) / middle)


def prd(assessed: NDArray[np.float64], sold: NDArray[np.float64], ratios: NDArray[np.float64]) -> float:
    """Price-related differential: mean ratio over weighted mean ratio. Above 1: dear property is estimated lower."""
    import numpy as np

    return float(np.mean(ratios)) / weighted_mean(assessed, sold)


def value_proxy(pairs: Sample) -> NDArray[np.float64]:
    """Dollars, shape (n,): half the sale price and half the estimate brought to the level of prices.

    The sale price alone holds the same chance as the ratio's denominator: a house sold cheaply by chance has a low
    price and a high ratio, which looks like regressivity. The estimate alone errs the other way. Half of each cancels.
    """
    import numpy as np

    return 0.5 * pairs.sold + 0.5 * pairs.assessed / np.median(pairs.ratios)


def price_related_bias(pairs: Sample) -> Line | None:
    """PRB: by what share of the median the ratio changes when value doubles. Below 0: regressive.

    Slope of (ratio - median) / median on log2 of the value proxy, by least squares. None where all proxies are equal,
    because then nothing can be said about dear and cheap.
    """
    import numpy as np

    middle = np.median(pairs.ratios)
    doublings = np.log2(value_proxy(pairs))
    away = (pairs.ratios - middle) / middle
    x, y = doublings - doublings.mean(), away - away.mean()
    spread = float(x @ x)
    if spread <= 1e-20 * doublings.size:
        return None
    slope = float(x @ y) / spread
    free = doublings.size - 2
    if not free:
        return Line(slope, None)
    rest = y - slope * x
    return Line(slope, float(np.sqrt(rest @ rest / free / spread)))


def share_within(ratios: NDArray[np.float64], share: float) -> tuple[int, int]:
    """(how many estimates lie within +-`share` of their sale price, how many there are). PE10 is share 0.10."""
    import numpy as np

    # The tolerance keeps an estimate of 110 for a price of 100 inside: 110 / 100 - 1 is a little above .1 in binary.
    return int(np.count_nonzero(np.abs(ratios - 1) <= share + 1e-12)), ratios.size


def absolute_errors(ratios: NDArray[np.float64]) -> NDArray[np.float64]:
    """Absolute errors as shares of the sale price, shape (n,); their median is the MdAPE."""
    import numpy as np

    return np.abs(ratios - 1)

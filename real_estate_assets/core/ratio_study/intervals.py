"""Confidence intervals of a ratio study's figures: deterministic, so that equal sales give equal intervals.

Belongs here: order statistics for a median, Wilson's interval for a share, the t interval of a slope, and a seeded
bootstrap for what has no formula. Does not belong here: which figure takes which (`study.py`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib import import_module
from statistics import NormalDist
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
RESAMPLES, SEED = 1_000, 20130401  # the seed is the month of the standard; any would do, but always the same
MINIMUM_FOR_BOOTSTRAP = 10  # below, resamples repeat so few sales that the interval says little
_CELLS_AT_ONCE = 1_000_000  # sales times resamples held in memory: about 8 MB a column


class Interval(NamedTuple):
    """Lower and upper end, in the unit of the figure."""

    low: float
    high: float


def median_interval(values: NDArray[np.float64], level: float = LEVEL) -> Interval | None:
    """Distribution-free interval of a median: the values so many ranks below and above the middle.

    The number of ranks is z * sqrt(n) / 2 (plus .5 for an even n), rounded up (IAAO 2013, appendix on confidence
    intervals; the same in the draft of 2025, section 7.5.3). None where that runs past the ends: at 95 % for n < 6.
    """
    import numpy as np

    ordered = np.sort(values)
    ranks = _z(level) * math.sqrt(ordered.size) / 2
    if ordered.size % 2:
        away = math.ceil(ranks)
        low, high = ordered.size // 2 - away, ordered.size // 2 + away
    else:
        away = math.ceil(ranks + 0.5)
        low, high = ordered.size // 2 - away, ordered.size // 2 - 1 + away
    if low < 0:
        return None
    return Interval(float(ordered[low]), float(ordered[high]))


def share_interval(inside: int, total: int, level: float = LEVEL) -> Interval:
    """Wilson's score interval of a share (Wilson, JASA 22, 1927): never outside 0 to 1, sensible for few sales."""
    z = _z(level)
    share = inside / total
    middle = share + z * z / (2 * total)
    half = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    # At 0 and 1 the end is exact in theory and misses by a rounding error in binary.
    low = 0.0 if inside == 0 else (middle - half) / scale
    high = 1.0 if inside == total else (middle + half) / scale
    return Interval(low, high)


def slope_interval(slope: float, standard_error: float, free: int, level: float = LEVEL) -> Interval:
    """Least squares: slope -+ t * standard error, `free` degrees of freedom (n - 2), at least 1."""
    special = import_module("scipy.special")  # heavy, and without types: loaded where it is used
    half = float(special.stdtrit(free, 0.5 + level / 2)) * standard_error
    return Interval(slope - half, slope + half)


def bootstrap_intervals(
    count: int, statistics: Callable[[NDArray[np.intp]], NDArray[np.float64]], level: float = LEVEL
) -> list[Interval]:
    """Percentile intervals of several statistics from the same 1,000 resamples, drawn from a fixed seed.

    statistics: takes row numbers of shape (resamples, count), gives values of shape (resamples, statistics).
    """
    import numpy as np

    generator = np.random.default_rng(SEED)
    at_once = max(1, _CELLS_AT_ONCE // count)
    parts = [
        statistics(generator.integers(0, count, size=(min(at_once, RESAMPLES - start), count)))
        for start in range(0, RESAMPLES, at_once)
    ]
    ends = np.quantile(np.concatenate(parts), [0.5 - level / 2, 0.5 + level / 2], axis=0)
    return [Interval(float(low), float(high)) for low, high in ends.T]


def _z(level: float) -> float:
    return NormalDist().inv_cdf(0.5 + level / 2)

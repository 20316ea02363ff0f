"""Intervals from misses that had already happened: normalized by difficulty, one factor per predicted tercile.

Belongs here: the factor and its rolling over time. Does not belong here: the difficulty itself (`boosting.py`).

One factor for all hides that cheap houses are missed by more: overall coverage was right where the cheap third had
77 of 100 inside. So each third of the predictions has its own (Mondrian conformal prediction, normalized scores).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.settings import ValuationSettings


_LOWEST, _HIGHEST = 0.5, 0.995  # a level beyond is asked of the few largest scores, which are anyone's guess


class Calibration(NamedTuple):
    """`bounds`: the two log predictions between the terciles; `factors`: per tercile the multiple of the difficulty."""

    bounds: tuple[float, float]
    factors: tuple[float, float, float]

    def terciles(self, predicted: NDArray[np.float64]) -> NDArray[np.int64]:
        """[n]: 1 (cheapest third of the predictions), 2 or 3."""
        import numpy as np

        return np.digitize(predicted, self.bounds) + 1

    def half_widths(self, predicted: NDArray[np.float64], difficulty: NDArray[np.float64]) -> NDArray[np.float64]:
        """[n]: half the width of the interval, in logs."""
        import numpy as np

        return np.array(self.factors)[self.terciles(predicted) - 1] * difficulty


class Rolled(NamedTuple):
    """Half widths [n] in logs (nan where too little had happened), terciles [n] (0 there), and where it ended.

    `levels`: per tercile the level asked for after the last day, see `rolling`.
    """

    widths: NDArray[np.float64]
    terciles: NDArray[np.int64]
    levels: tuple[float, float, float]


def calibrate(
    predicted: NDArray[np.float64],
    residuals: NDArray[np.float64],
    difficulty: NDArray[np.float64],
    settings: ValuationSettings,
    levels: tuple[float, float, float] | None = None,
) -> Calibration | None:
    """From log predictions, their log residuals and difficulties, all of sales that had happened; None of too few.

    A tercile with fewer than interval_minimum sales takes its factor from all together. `levels` are asked for instead
    of interval_level, one a tercile.
    """
    import numpy as np

    known = np.isfinite(residuals) & np.isfinite(difficulty)
    predicted, scores = predicted[known], np.abs(residuals[known]) / difficulty[known]
    if len(scores) < settings.interval_minimum:
        return None
    low, high = (float(bound) for bound in np.quantile(predicted, [1 / 3, 2 / 3]))
    third = np.digitize(predicted, [low, high])
    factors = []
    for number, level in enumerate(levels or (settings.interval_level,) * 3):
        own = scores[third == number]
        factors.append(_factor(own if len(own) >= settings.interval_minimum else scores, level))
    return Calibration((low, high), (factors[0], factors[1], factors[2]))


def _factor(scores: NDArray[np.float64], level: float) -> float:
    """The finite-sample quantile of conformal prediction: of n scores, the ceil((n + 1) x level)-th."""
    import numpy as np

    share = min(1.0, float(np.ceil((len(scores) + 1) * level)) / len(scores))
    return float(np.quantile(scores, share, method="inverted_cdf"))


def rolling(
    on: NDArray[np.int64],
    predicted: NDArray[np.float64],
    residuals: NDArray[np.float64],
    difficulty: NDArray[np.float64],
    settings: ValuationSettings,
) -> Rolled:
    """Intervals of each row from the days before it; all [n] in order of day, never calibrated on the day itself.

    Row i is calibrated on the interval_days before. Where the market turns, those days are no longer like today; so the
    level asked for follows each tercile's own misses: every sale outside its interval raises it by interval_step x
    interval_level, every sale inside lowers it by interval_step x (1 - interval_level), which balance where the share
    inside is the one that is wanted (adaptive conformal inference, Gibbs and Candes 2021).
    """
    import numpy as np

    widths, terciles = np.full(len(on), np.nan), np.zeros(len(on), np.int64)
    levels = np.full(3, settings.interval_level)
    for day in np.unique(on):
        past = slice(*np.searchsorted(on, [day - settings.interval_days, day], side="left"))
        today = slice(*np.searchsorted(on, [day, day + 1], side="left"))
        found = calibrate(predicted[past], residuals[past], difficulty[past], settings, _three(levels))
        if found is not None:
            widths[today] = found.half_widths(predicted[today], difficulty[today])
            terciles[today] = found.terciles(predicted[today])
            missed = np.abs(residuals[today]) > widths[today]
            judged = np.isfinite(residuals[today]) & np.isfinite(widths[today])
            steps = settings.interval_step * (missed - (1 - settings.interval_level)) * judged
            levels = np.clip(levels + np.bincount(terciles[today] - 1, steps, 3), _LOWEST, _HIGHEST)
    return Rolled(widths, terciles, _three(levels))


def _three(levels: NDArray[np.float64]) -> tuple[float, float, float]:
    first, second, third = (float(level) for level in levels)
    return first, second, third

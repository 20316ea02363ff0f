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


def calibrate(
    predicted: NDArray[np.float64],
    residuals: NDArray[np.float64],
    difficulty: NDArray[np.float64],
    settings: ValuationSettings,
) -> Calibration | None:
    """From log predictions, their log residuals and difficulties, all of sales that had happened; None of too few.

    A tercile with fewer than interval_minimum sales takes the factor of all together.
    """
    import numpy as np

    known = np.isfinite(residuals) & np.isfinite(difficulty)
    predicted, scores = predicted[known], np.abs(residuals[known]) / difficulty[known]
    if len(scores) < settings.interval_minimum:
        return None
    low, high = (float(bound) for bound in np.quantile(predicted, [1 / 3, 2 / 3]))
    third = np.digitize(predicted, [low, high])
    together = _factor(scores, settings.interval_level)
    factors = []
    for number in range(3):
        own = scores[third == number]
        factors.append(_factor(own, settings.interval_level) if len(own) >= settings.interval_minimum else together)
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
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Half widths in logs (nan where too little had happened) and terciles (0 there) of each row, from the days before.

    All [n] in order of day. Row i is calibrated on the interval_days before its day, never on that day.
    """
    import numpy as np

    widths, terciles = np.full(len(on), np.nan), np.zeros(len(on), np.int64)
    for day in np.unique(on):
        past = slice(*np.searchsorted(on, [day - settings.interval_days, day], side="left"))
        today = slice(*np.searchsorted(on, [day, day + 1], side="left"))
        found = calibrate(predicted[past], residuals[past], difficulty[past], settings)
        if found is not None:
            widths[today] = found.half_widths(predicted[today], difficulty[today])
            terciles[today] = found.terciles(predicted[today])
    return widths, terciles

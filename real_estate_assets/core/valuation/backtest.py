"""Walk forward: every sale of the last months predicted by models of what had happened before, as in production.

Belongs here: the blocks, the level of the last weeks, the frame of predictions. Does not belong here: judging them
(`core/ratio_study`), nor fitting itself (`members.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from real_estate_assets.core.valuation import intervals, lags
from real_estate_assets.core.valuation.history import SaleHistory, sale_history
from real_estate_assets.core.valuation.members import difficulties, fit_difficulty, fit_members, mean_prediction

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.settings import ValuationSettings


class Walk(NamedTuple):
    """Per training row [n], nan before the walk: mean log prediction of the bag before the level, and difficulty."""

    start: int
    test_start: int
    predicted: NDArray[np.float64]
    difficulty: NDArray[np.float64]


def walk_forward(
    training: pl.DataFrame, settings: ValuationSettings, history: SaleHistory | None = None
) -> pl.DataFrame:
    """One row per sale of the calibration and test windows, in order of time, predicted without itself or later ones.

    Columns: sale_id, property_id, sale_date, price_usd, predicted_usd, low_usd, high_usd, difficulty (usual absolute
    log miss), tercile (1 to 3), is_calibration, is_test (the newest test_share of all sales), level_log (the part of
    log prediction that is the median miss of the nowcast_days before). low_usd, high_usd and tercile are null where
    too few sales had been predicted before to say. Raises ValueError as sale_history does.
    """
    history = history or sale_history(training, settings)
    walk = walked(history, settings)
    known = history.known
    level = levels(known.on, known.log_prices - walk.predicted, known.residuals, known.on, settings)
    predicted = walk.predicted + level
    residuals = known.log_prices - predicted
    rolled = intervals.rolling(known.on, predicted, residuals, walk.difficulty, settings)
    return _frame(training, walk, level, predicted, rolled)


def walked(history: SaleHistory, settings: ValuationSettings) -> Walk:
    """Fit and predict block by block; the test begins with a block."""
    import numpy as np

    known, matrix = history.known, history.matrix
    test_start = int(known.on[int(len(known.on) * (1 - settings.test_share))])
    before = -(-settings.calibration_days // settings.walk_days)
    start = test_start - before * settings.walk_days
    predicted, difficulty = np.full(len(known.on), np.nan), np.full(len(known.on), np.nan)
    for first in range(start, int(known.on[-1]) + 1, settings.walk_days):
        past, block = known.on < first, (known.on >= first) & (known.on < first + settings.walk_days)
        if not block.any() or past.sum() < settings.minimum_block:
            continue
        boosters, hard = fit_members(history, past, settings), fit_difficulty(history, past, settings)
        predicted[block] = mean_prediction(boosters, history.members, matrix[block], history.anchor[block], settings)
        difficulty[block] = difficulties(hard, matrix[block], settings)
    return Walk(start, test_start, predicted, difficulty)


def levels(
    on: NDArray[np.int64],
    misses: NDArray[np.float64],
    before: NDArray[np.float64],
    asked_on: NDArray[np.int64],
    settings: ValuationSettings,
) -> NDArray[np.float64]:
    """Median miss of the bag in the nowcast_days before; the history model's misses stand in before the walk.

    0 where too few are known: then the level stays as the trees have it, because nothing measured says otherwise.
    """
    import numpy as np

    told = np.where(np.isfinite(misses), misses, before)
    return np.nan_to_num(lags.recent_level(told, on, asked_on, settings.nowcast_days, settings.nowcast_minimum))


def _frame(
    training: pl.DataFrame,
    walk: Walk,
    level: NDArray[np.float64],
    predicted: NDArray[np.float64],
    rolled: intervals.Rolled,
) -> pl.DataFrame:
    import numpy as np
    import polars as pl

    from real_estate_assets.core.valuation.matrix import days

    is_test = days(training["sale_date"]) >= walk.test_start
    return (
        training.select("sale_id", "property_id", "sale_date", "price_usd")
        .with_columns(
            pl.Series("predicted_usd", np.exp(predicted)),
            pl.Series("low_usd", np.exp(predicted - rolled.widths)),
            pl.Series("high_usd", np.exp(predicted + rolled.widths)),
            pl.Series("difficulty", walk.difficulty),
            pl.Series("tercile", rolled.terciles, dtype=pl.Int64),
            pl.Series("is_calibration", ~is_test),
            pl.Series("is_test", is_test),
            pl.Series("level_log", level),
        )
        .filter(pl.col("predicted_usd").is_not_nan())
        .with_columns(
            pl.col("low_usd", "high_usd", "difficulty").fill_nan(None),
            pl.when(pl.col("tercile") > 0).then(pl.col("tercile")),
        )
    )

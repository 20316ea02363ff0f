"""From a model and its backtest to one estimate per property, with an interval, or the reason why there is none.

Belongs here: the level and the interval of the valuation day, the measured share within 10 %. Does not belong here:
trust, which is computed when an estimate is read.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from real_estate_assets.core.valuation import backtest as walks
from real_estate_assets.core.valuation.intervals import calibrate, rolling
from real_estate_assets.core.valuation.matrix import day_number, days

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.model import Bag
    from real_estate_assets.core.valuation.settings import ValuationSettings

TOO_FEW_SALES = "too_few_sales"
NOT_CALIBRATED = "too_few_predicted_sales"
_BANDS, _WITHIN, _SALES_PER_BAND = 10, 0.10, 100


def estimate(
    bag: Bag, backtest: pl.DataFrame, rows: pl.DataFrame, valued_on: dt.date, settings: ValuationSettings
) -> pl.DataFrame:
    """One row per property row, in the same order: the estimate as of the day, or null_reason.

    `rows`: property_id, latitude, longitude and feature columns; `backtest`: what walk_forward returned for the same
    training rows. Columns: property_id, estimate_usd, low_usd, high_usd, difficulty, tercile (1 to 3),
    share_within_10pct (of sales predicted before they happened and about as difficult, the share missed by at most
    10 %), null_reason (`<feature>_unknown`: practically every training sale knows it, so without it the error is
    unmeasured; too_few_predicted_sales). Everything but property_id and null_reason is null where a reason is given.
    """
    import numpy as np
    import polars as pl

    found = bag.predict(rows, valued_on)
    on = days(backtest["sale_date"])
    log_price, log_predicted = np.log(backtest["price_usd"].to_numpy()), np.log(backtest["predicted_usd"].to_numpy())
    asked_on = np.array([day_number(valued_on)])
    predicted = found.log_price + _level(backtest, on, log_price, log_predicted, asked_on, settings)
    past = (on < asked_on[0]) & (on >= asked_on[0] - settings.interval_days)
    difficulty = backtest["difficulty"].fill_null(float("nan")).to_numpy()
    misses = log_price - log_predicted
    levels = rolling(on, log_predicted, misses, difficulty, settings).levels
    fit = calibrate(log_predicted[past], misses[past], difficulty[past], settings, levels)
    reasons = _reasons(bag, rows)
    if fit is None:
        reasons = reasons.fill_null(NOT_CALIBRATED)
        widths, terciles = np.full(rows.height, np.nan), np.zeros(rows.height, np.int64)
    else:
        widths, terciles = fit.half_widths(predicted, found.difficulty), fit.terciles(predicted)
    values = {
        "estimate_usd": np.exp(predicted),
        "low_usd": np.exp(predicted - widths), "high_usd": np.exp(predicted + widths),
        "difficulty": found.difficulty, "tercile": terciles,
        "share_within_10pct": share_within(backtest, found.difficulty),
    }  # fmt: skip
    frame = pl.DataFrame({"property_id": rows["property_id"].cast(pl.String), **values, "null_reason": reasons})
    return frame.with_columns(
        pl.when(pl.col("null_reason").is_null()).then(pl.col(name)).alias(name) for name in values
    ).select("property_id", *values, "null_reason")


def no_estimates(property_ids: pl.Series, reason: str) -> pl.DataFrame:
    """The same columns for a tenant without a model: all null, for one reason."""
    import polars as pl

    numbers = ("estimate_usd", "low_usd", "high_usd", "difficulty", "tercile", "share_within_10pct")
    empty = [pl.lit(None, pl.Int64 if name == "tercile" else pl.Float64).alias(name) for name in numbers]
    return pl.DataFrame({"property_id": property_ids.cast(pl.String)}).with_columns(
        *empty, pl.lit(reason).alias("null_reason")
    )


def share_within(backtest: pl.DataFrame, difficulty: NDArray[np.float64]) -> NDArray[np.float64]:
    """[n]: of the backtest's sales about as difficult, the share predicted within 10 %; never rising with difficulty.

    Sales are cut into up to ten bands of equally many, at least 100 each (all together where there are fewer than 200).
    """
    import numpy as np
    from sklearn.isotonic import IsotonicRegression

    judged = backtest.drop_nulls("difficulty")
    if not judged.height:
        return np.full(len(difficulty), np.nan)
    hard = judged["difficulty"].to_numpy()
    inside = (np.abs(judged["predicted_usd"].to_numpy() / judged["price_usd"].to_numpy() - 1) <= _WITHIN).astype(float)
    count = max(1, min(_BANDS, len(hard) // _SALES_PER_BAND))
    edges = np.quantile(hard, np.linspace(0, 1, count + 1)[1:-1])
    band = np.digitize(hard, edges)
    sizes = np.bincount(band, minlength=count)
    shares = np.bincount(band, weights=inside, minlength=count) / np.maximum(sizes, 1)
    told = IsotonicRegression(increasing=False).fit_transform(
        np.arange(count), shares, sample_weight=np.maximum(sizes, 1e-9)
    )
    return np.where(np.isfinite(difficulty), told[np.digitize(difficulty, edges)], np.nan)


def _level(
    backtest: pl.DataFrame,
    on: NDArray[np.int64],
    log_price: NDArray[np.float64],
    log_predicted: NDArray[np.float64],
    asked_on: NDArray[np.int64],
    settings: ValuationSettings,
) -> float:
    """Median miss of the bag itself in the nowcast_days before: the backtest's predictions carry their own level."""
    import numpy as np

    misses = log_price - log_predicted + backtest["level_log"].to_numpy()
    return float(walks.levels(on, misses, np.full(len(on), np.nan), asked_on, settings)[0])


def _reasons(bag: Bag, rows: pl.DataFrame) -> pl.Series:
    """`<feature>_unknown` for the first needed feature that the row lacks, else null."""
    import polars as pl

    unknown = [
        pl.when(pl.col(name).cast(pl.Float64).fill_nan(None).is_null() if name in rows.columns else pl.lit(True))
        .then(pl.lit(f"{name}_unknown"))
        for name in bag.encoder.needed
    ]  # fmt: skip
    return rows.select(pl.coalesce([*unknown, pl.lit(None, pl.String)]).alias("null_reason"))["null_reason"]

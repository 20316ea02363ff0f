"""What others would have said of the same sales: floors that need no model, and a strong library.

Belongs here: the peers, each walked forward like the platform's model: refitted with the same blocks, from sales
strictly before, its level corrected the same way. Does not belong here: the model (`core/valuation`), its promises
(`gates/valuation_accuracy.py`), choosing its settings (`valuation_choice.py`).

"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.history import SaleHistory
    from real_estate_assets.core.valuation.settings import ValuationSettings

    Matrix = NDArray[np.float32]
    Numbers = NDArray[np.float64]
    FitPredict = Callable[[Matrix, Numbers, Matrix], Numbers]


class UnavailableError(RuntimeError):
    """The peer's library is not installed here; says what to install."""


@dataclass(frozen=True)
class Peer:
    """most: the model's error may be at most so many times the peer's. fit None: the nearest sales, without a fit."""

    name: str
    title: str
    most: float
    fit: FitPredict | None


def peer_mdape(peer: Peer, history: SaleHistory, settings: ValuationSettings) -> float:
    """Median absolute error of a peer on the test window, in percent. Raises UnavailableError."""
    import numpy as np

    predicted, is_test = peer_predictions(peer, history, settings)
    missed = np.abs(np.expm1(predicted[is_test] - history.known.log_prices[is_test]))
    return float(100 * np.nanmedian(missed))


def peer_predictions(
    peer: Peer, history: SaleHistory, settings: ValuationSettings
) -> tuple[Numbers, NDArray[np.bool_]]:
    """Log predictions [n] of the training rows, nan before the walk, and which of them are test sales."""
    import numpy as np

    from real_estate_assets.core.valuation.backtest import levels

    known = history.known
    test_start = int(known.on[int(len(known.on) * (1 - settings.test_share))])
    is_test = known.on >= test_start
    if peer.fit is None:
        return history.matrix[:, history.columns.index("neighbour_price_median_15")] + _log_area(history), is_test
    predicted = np.full(len(known.on), np.nan)
    before = -(-settings.calibration_days // settings.walk_days)
    first = test_start - before * settings.walk_days
    for start in range(first, int(known.on[-1]) + 1, settings.walk_days):
        past, block = known.on < start, (known.on >= start) & (known.on < start + settings.walk_days)
        if block.any() and past.sum() >= settings.minimum_block:
            predicted[block] = peer.fit(history.matrix[past], known.log_prices[past], history.matrix[block])
    missed = known.log_prices - predicted
    return predicted + levels(known.on, missed, known.residuals, known.on, settings), is_test


def _log_area(history: SaleHistory) -> Numbers:
    return history.known.log_prices - history.known.values


def _linear(past: Matrix, target: Numbers, asked: Matrix) -> Numbers:
    """Ridge on all columns, the like houses' and neighbours' sales too; sizes as logs, unknowns as medians."""
    import numpy as np
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import RidgeCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    large = np.nanmax(np.where(np.isnan(past), -np.inf, past), axis=0) > 1000
    small, wide = np.array(past, dtype=float), np.array(asked, dtype=float)
    for matrix in (small, wide):
        matrix[:, large] = np.log1p(np.maximum(matrix[:, large], 0))
    known = ~np.isnan(small).all(axis=0)
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), RidgeCV(np.logspace(-1, 3, 5)))
    said: Numbers = model.fit(small[:, known], target).predict(wide[:, known])
    return said


def _lightgbm(past: Matrix, target: Numbers, asked: Matrix) -> Numbers:
    """LightGBM on the same columns, with settings that did well on both files."""
    try:
        import lightgbm
    except ImportError as error:
        raise UnavailableError("LightGBM is not installed; `uv sync --group bench` brings it") from error
    model = lightgbm.LGBMRegressor(
        n_estimators=500, learning_rate=0.05, num_leaves=48, min_child_samples=20, subsample=0.7, subsample_freq=1,
        colsample_bytree=0.4, reg_lambda=3, n_jobs=2, verbose=-1, random_state=0, deterministic=True,
    )  # fmt: skip
    said: Numbers = model.fit(past, target).predict(asked)
    return said


PEERS = (
    Peer("nearest_15", "15 nearest prior sales", 1.0, None),
    Peer("linear_with_lags", "linear with lags", 1.0, _linear),
    Peer("lightgbm", "LightGBM on the same columns", 1.05, _lightgbm),
)

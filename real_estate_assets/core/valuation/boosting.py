"""Gradient boosted trees, fitted the same way every time.

Belongs here: the one place that knows xgboost's parameters. Does not belong here: what is fitted, or when.
The number of threads is always stated: sums in another order are other trees, and a free choice would be the machine's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import xgboost
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.settings import ValuationSettings


def fit_member(
    matrix: NDArray[np.float32],
    target: NDArray[np.float64],
    settings: ValuationSettings,
    seed: int,
) -> xgboost.Booster:
    """One member of the bag: log price, or log price above an anchor, from its columns."""
    return _fit(
        matrix, target, settings, settings.trees, seed,
        max_depth=settings.depth, eta=settings.learning_rate,
    )  # fmt: skip


def fit_history(
    matrix: NDArray[np.float32], target: NDArray[np.float64], settings: ValuationSettings
) -> xgboost.Booster:
    """The quicker model whose misses on later sales become the residuals that neighbours tell each other."""
    return _fit(
        matrix, target, settings, settings.history_trees, settings.seed,
        max_depth=settings.history_depth, eta=settings.history_learning_rate,
    )  # fmt: skip


def fit_difficulty(
    matrix: NDArray[np.float32], misses: NDArray[np.float64], settings: ValuationSettings
) -> xgboost.Booster:
    """How large a miss is usual for such a house: absolute log residuals from the same columns."""
    return _fit(
        matrix, misses, settings, settings.difficulty_trees, settings.seed,
        max_depth=4, eta=0.08, min_child_weight=30, objective="reg:absoluteerror",
    )  # fmt: skip


def fit_trait(
    matrix: NDArray[np.float32], carries: NDArray[np.float64], settings: ValuationSettings
) -> xgboost.Booster:
    """How far structure, place and time foretell whether a sale carries a trait: a probability."""
    return _fit(
        matrix, carries, settings, settings.difficulty_trees, settings.seed,
        max_depth=4, eta=0.1, min_child_weight=1, objective="binary:logistic",
    )  # fmt: skip


def predict(booster: xgboost.Booster, matrix: NDArray[np.float32], threads: int) -> NDArray[np.float64]:
    """[n]: what the trees say of each row."""
    import numpy as np
    import xgboost as xgb

    booster.set_param({"nthread": threads})
    return booster.predict(xgb.DMatrix(matrix, nthread=threads)).astype(np.float64)


def _fit(
    matrix: NDArray[np.float32],
    target: NDArray[np.float64],
    settings: ValuationSettings,
    trees: int,
    seed: int,
    **parameters: Any,
) -> xgboost.Booster:
    import xgboost as xgb

    stated = {
        "tree_method": "hist", "max_bin": settings.bins, "nthread": settings.threads, "seed": seed,
        "subsample": settings.row_share, "colsample_bytree": settings.column_share, "lambda": settings.ridge,
        "min_child_weight": settings.minimum_child_weight, "base_score": float(target.mean()), **parameters,
    }  # fmt: skip
    data = xgb.QuantileDMatrix(matrix, target, nthread=settings.threads, max_bin=settings.bins)
    return xgb.train(stated, data, trees)

"""The three members of the bag: what each of them sees and aims at, and the model of how difficult a house is.

Belongs here: fitting and asking the members together. Does not belong here: their columns (`history.py`), the trees
(`boosting.py`), when they are fitted (`backtest.py`, `model.py`).

  base        log price from structure, place and time
  neighbours  log price above what the nearest earlier sales paid per square foot, from all but the like houses: it
              follows a market that trees alone cannot extrapolate
  alike       log price from everything, the earlier sales of like houses too
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from real_estate_assets.core.valuation import boosting

if TYPE_CHECKING:
    import numpy as np
    import xgboost
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.history import SaleHistory
    from real_estate_assets.core.valuation.settings import ValuationSettings

BASE, NEIGHBOURS, ALIKE = MEMBERS = ("base", "neighbours", "alike")
_SPREAD_OF_MEDIAN = 1.4826  # a normal distribution's standard deviation from its median absolute deviation


def fit_members(
    history: SaleHistory, rows: NDArray[np.bool_], settings: ValuationSettings
) -> dict[str, xgboost.Booster]:
    """The members on some of the sales. Without enough sales that have neighbours, the anchored one is left out."""
    import numpy as np

    weights, boosters = doubts(history.known.local, rows, settings), {}
    for number, name in enumerate(MEMBERS):
        anchor = history.anchor if name == NEIGHBOURS else np.zeros(len(rows))
        taught = rows & np.isfinite(anchor)
        if name == NEIGHBOURS and taught.sum() < settings.minimum_block:
            continue
        boosters[name] = boosting.fit_member(
            history.matrix[taught][:, history.members[name]], (history.known.log_prices - anchor)[taught],
            weights[taught], settings, settings.seed + number,
        )  # fmt: skip
    return boosters


def doubts(misses: NDArray[np.float64], rows: NDArray[np.bool_], settings: ValuationSettings) -> NDArray[np.float64]:
    """[n] weights: 1 for a sale that was missed by little or never judged, falling where the price was far off.

    A price far from every honest prediction is more often a sale in the family than a lesson. Cauchy's weight, with
    `doubt` times the usual miss of the given rows as its scale. No sale weighs nothing, and none leaves the test.
    """
    import numpy as np

    known = np.abs(misses[rows & np.isfinite(misses)])
    usual = _SPREAD_OF_MEDIAN * float(np.median(known)) if len(known) else 0.0
    if not usual:
        return np.ones(len(misses))
    return 1.0 / (1.0 + (np.nan_to_num(misses) / (settings.doubt * usual)) ** 2)


def mean_prediction(
    boosters: Mapping[str, xgboost.Booster],
    members: Mapping[str, tuple[int, ...]],
    matrix: NDArray[np.float32],
    anchor: NDArray[np.float64],
    settings: ValuationSettings,
) -> NDArray[np.float64]:
    """[n]: mean log price of the members; a house without neighbours has no anchor and is left to the other two."""
    import numpy as np

    each = []
    for name, booster in boosters.items():
        said = boosting.predict(booster, matrix[:, members[name]], settings.threads)
        each.append(said + anchor if name == NEIGHBOURS else said)
    mean: NDArray[np.float64] = np.nanmean(each, axis=0)
    return mean


def fit_difficulty(
    history: SaleHistory, rows: NDArray[np.bool_], settings: ValuationSettings
) -> xgboost.Booster | None:
    """How large a miss is usual, from the honest misses of some of the sales; None where too few were judged."""
    import numpy as np

    misses = history.known.local
    told = rows & np.isfinite(misses)
    if told.sum() < settings.minimum_block:
        return None
    return boosting.fit_difficulty(history.matrix[told], np.abs(misses[told]), settings)


def difficulties(
    booster: xgboost.Booster | None, matrix: NDArray[np.float32], settings: ValuationSettings
) -> NDArray[np.float64]:
    """[n]: the usual absolute log miss, never under difficulty_floor; nan without a model."""
    import numpy as np

    if booster is None:
        return np.full(len(matrix), np.nan)
    return np.maximum(boosting.predict(booster, matrix, settings.threads), settings.difficulty_floor)

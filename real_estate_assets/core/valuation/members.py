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


def fit_members(
    history: SaleHistory, rows: NDArray[np.bool_], settings: ValuationSettings
) -> dict[str, xgboost.Booster]:
    """The members on some of the sales. Without enough sales that have neighbours, the anchored one is left out."""
    import numpy as np

    boosters = {}
    for number, name in enumerate(MEMBERS):
        anchor = history.anchor if name == NEIGHBOURS else np.zeros(len(rows))
        taught = rows & np.isfinite(anchor)
        if name == NEIGHBOURS and taught.sum() < settings.minimum_block:
            continue
        boosters[name] = boosting.fit_member(
            history.matrix[taught][:, history.members[name]], (history.known.log_prices - anchor)[taught],
            settings, settings.seed + number,
        )  # fmt: skip
    return boosters


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

"""What the sales of a tenant can teach of a rare trait (a flood zone, a view), and what they cannot.

Belongs here: the effect of a trait beside everything else that is known, how small an effect could have been seen, and
the sentence. Does not belong here: what counts as carrying a trait (the caller names the traits), the trees
(`boosting.py`).

The effect is measured as in double machine learning (Chernozhukov et al. 2018, the partially linear model): what of the
price structure, place and time do not explain, against what of the trait they do not explain. A trait that follows from
the place alone then has little left to be measured by, which shows as a wide interval, not as a false effect.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from real_estate_assets.core.valuation import boosting
from real_estate_assets.core.valuation.history import SaleHistory, sale_history
from real_estate_assets.core.valuation.members import BASE

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.settings import ValuationSettings

_CERTAIN, _POWER = 1.959964, 0.841621  # normal quantiles: an interval of 95 %, a test that finds 80 in 100
_FOLDS = 4
_CELL_KM = 1.0  # sales of one square kilometre share what nobody measured: they count as one draw


class Learned(NamedTuple):
    """One trait. Effects are shares of the price (0.05: five percent more); null where nothing could be measured."""

    trait: str
    sale_count: int
    minimum_detectable_effect: float | None
    effect: float | None
    effect_low: float | None
    effect_high: float | None
    can_be_learned: bool
    sentence: str


def learnability(
    training: pl.DataFrame, traits: pl.DataFrame, settings: ValuationSettings, history: SaleHistory | None = None
) -> list[Learned]:
    """Per trait what the training sales teach of it.

    `training`: training rows in order of time; `traits`: sale_id and one boolean column per trait, null where it is not
    known whether the property carries it. Also for a tenant with too few sales for a model: then only counts are told.
    Raises ValueError where traits name a sale twice or lack sale_id.
    """
    import polars as pl

    if "sale_id" not in traits.columns or traits["sale_id"].is_duplicated().any():
        raise ValueError("traits need one row per sale_id")
    if not training.height:
        return [_counted(name, 0, None, settings) for name in traits.columns if name != "sale_id"]
    history = history or sale_history(training, settings)
    carried = training.select("sale_id").join(
        traits.with_columns(pl.col("sale_id").cast(pl.String)), on="sale_id", how="left", maintain_order="left"
    )
    return [
        _learned(name, carried[name].cast(pl.Float64).fill_null(float("nan")).to_numpy(), history, settings)
        for name in traits.columns
        if name != "sale_id"
    ]


def _learned(trait: str, carries: NDArray[np.float64], history: SaleHistory, settings: ValuationSettings) -> Learned:
    import numpy as np

    missed = history.known.local
    sale_count = int((carries == 1).sum())
    told = np.isfinite(carries) & np.isfinite(missed)
    ones, zeros = int((carries[told] == 1).sum()), int((carries[told] == 0).sum())
    if min(ones, zeros) < settings.minimum_carriers:
        return _counted(trait, sale_count, _mde_of_counts(missed[told], ones, zeros), settings)
    left = _unexplained(history.matrix[told][:, history.members[BASE]], carries[told], settings)
    effect, error = _slope(missed[told], left, _cells(history.known.places[told]))
    return _measured(trait, sale_count, effect, error, settings)


def _unexplained(
    base: NDArray[np.float32], carries: NDArray[np.float64], settings: ValuationSettings
) -> NDArray[np.float64]:
    """[n]: the trait minus what structure, place and time say of it, from folds that had not seen the row."""
    import numpy as np

    left = np.empty(len(carries))
    fold = np.random.default_rng(settings.seed).permutation(len(carries)) % _FOLDS
    for number in range(_FOLDS):
        inside, outside = fold == number, fold != number
        booster = boosting.fit_trait(base[outside], carries[outside], settings)
        left[inside] = carries[inside] - boosting.predict(booster, base[inside], settings.threads)
    return left


def _slope(missed: NDArray[np.float64], left: NDArray[np.float64], cells: NDArray[np.int64]) -> tuple[float, float]:
    """Effect in logs and its standard error, robust to sales of one cell resembling each other."""
    import numpy as np

    missed, left = missed - np.median(missed), left - left.mean()
    weight = float(left @ left)
    effect = float(left @ missed) / weight
    scores = left * (missed - effect * left)
    by_cell = np.bincount(cells, weights=scores)
    return effect, math.sqrt(float(by_cell @ by_cell)) / weight


def _cells(places: NDArray[np.float32]) -> NDArray[np.int64]:
    """[n]: number of the square of _CELL_KM that each sale lies in; a sale without a place is a cell of its own."""
    import numpy as np

    known = ~np.isnan(places).any(axis=1)
    squares = np.floor(np.nan_to_num(places) / _CELL_KM).astype(np.int64)
    squares = np.column_stack([squares, np.where(known, 0, np.arange(1, len(places) + 1))])
    return np.unique(squares, axis=0, return_inverse=True)[1].ravel()


def _mde_of_counts(missed: NDArray[np.float64], ones: int, zeros: int) -> float | None:
    """Of two plain groups of that many sales, spread as the misses are; None where a group is empty."""
    import numpy as np

    if not ones or not zeros or ones + zeros < 3:
        return None
    return math.expm1((_CERTAIN + _POWER) * float(np.std(missed)) * math.sqrt(1 / ones + 1 / zeros))


def _counted(trait: str, sale_count: int, mde: float | None, settings: ValuationSettings) -> Learned:
    """The verdict where too few sales carry the trait to measure anything."""
    sales = "No training sale carries" if not sale_count else f"{sale_count:,} training sale{_s(sale_count)}"
    verb = "" if not sale_count else " carries" if sale_count == 1 else " carry"
    seen = "" if mde is None else f"; only an effect above {mde:.0%} could have shown"
    sentence = (
        f"{sales}{verb} {trait}, and {settings.minimum_carriers} are needed on each side of the comparison{seen}:"
        " no effect can be learned, and estimates do not contain one."
    )
    return Learned(trait, sale_count, mde, None, None, None, False, sentence)


def _measured(trait: str, sale_count: int, effect: float, error: float, settings: ValuationSettings) -> Learned:
    low, high = (math.expm1(effect + side * _CERTAIN * error) for side in (-1, 1))
    share, mde = math.expm1(effect), math.expm1((_CERTAIN + _POWER) * error)
    can = mde <= settings.effect_that_matters or low > 0 or high < 0
    figures = f"{share:+.1%} of the price [{low:+.1%}, {high:+.1%}]"
    if low > 0 or high < 0:
        verdict = f"its effect beside structure, place and time is {figures}"
    elif can:
        verdict = (
            f"no effect beside structure, place and time is seen ({figures}); one above {mde:.1%} would have shown"
        )
    else:
        verdict = f"an effect below {mde:.0%} could not have shown ({figures}): none can be learned"
    sentence = f"{sale_count:,} training sales carry {trait}: {verdict}."
    return Learned(trait, sale_count, mde, share, low, high, can, sentence)


def _s(count: int) -> str:
    return "" if count == 1 else "s"

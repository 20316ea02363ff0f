"""One ratio study: every figure of a set of sales with its interval, or the reason why there is none.

Belongs here: putting figures and intervals together. Does not belong here: their formulas, strata, bands.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from real_estate_assets.core.ratio_study import figures
from real_estate_assets.core.ratio_study.intervals import (
    LEVEL,
    MINIMUM_FOR_BOOTSTRAP,
    Interval,
    bootstrap_intervals,
    median_interval,
    share_interval,
    slope_interval,
)
from real_estate_assets.core.ratio_study.sample import Sample, sample
from real_estate_assets.core.ratio_study.vertical_equity import (
    VerticalEquity,
    group_count,
    group_ends,
    vertical_equity,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

FIGURES: Final = ("median_ratio", "weighted_mean", "cod", "prd", "prb", "vei", "pe10", "pe20", "mdape")
TOO_FEW_FOR_VEI = "vei: fewer than 20 sales"
NO_SPREAD_OF_VALUE = "prb: all sales are of one value"
TOO_FEW_FOR_INTERVALS = "intervals: fewer than 10 sales"


@dataclass(frozen=True, slots=True)
class RatioStudy:
    """The figures of `n` sales. Intervals are of 95 %; None where the sales are too few, and `reasons` says which.

    median_ratio, weighted_mean, prd: ratios, 1 is market value. cod, vei: percent. prb: share a doubling of value.
    pe10, pe20: share of estimates within 10 and 20 % of the price, 0 to 1. mdape: median absolute error, share of the
    price. vertical_equity: the groups behind `vei`. prb and vei are None where they are not defined.
    """

    n: int
    median_ratio: float
    weighted_mean: float
    cod: float
    prd: float
    prb: float | None
    vei: float | None
    pe10: float
    pe20: float
    mdape: float
    median_ratio_interval: Interval | None
    weighted_mean_interval: Interval | None
    cod_interval: Interval | None
    prd_interval: Interval | None
    prb_interval: Interval | None
    vei_interval: Interval | None
    pe10_interval: Interval
    pe20_interval: Interval
    mdape_interval: Interval | None
    vertical_equity: VerticalEquity | None
    reasons: tuple[str, ...]

    def value(self, figure: str) -> float | None:
        """One of FIGURES by name. Raises KeyError for another name."""
        if figure not in FIGURES:
            raise KeyError(f"a ratio study has no figure {figure!r}; it has {', '.join(FIGURES)}")
        found: float | None = getattr(self, figure)
        return found

    def interval(self, figure: str) -> Interval | None:
        """The interval of one of FIGURES. Raises KeyError for another name."""
        if figure not in FIGURES:
            raise KeyError(f"a ratio study has no figure {figure!r}; it has {', '.join(FIGURES)}")
        found: Interval | None = getattr(self, f"{figure}_interval")
        return found

    def as_row(self) -> dict[str, float | int | str | None]:
        """sale_count, each figure with `_low` and `_high`, and reason (null when nothing is missing)."""
        row: dict[str, float | int | str | None] = {"sale_count": self.n}
        for figure in FIGURES:
            low, high = self.interval(figure) or (None, None)
            row |= {figure: self.value(figure), f"{figure}_low": low, f"{figure}_high": high}
        row["reason"] = "; ".join(self.reasons) or None
        return row


def ratio_study(assessed: ArrayLike, sold: ArrayLike) -> RatioStudy:
    """The figures of these sales.

    assessed, sold: dollars, one estimate for each sale price, shape (n,), n >= 2. The same sales in any order give the
    same study to the last digit. Raises RatioStudyError for anything that is empty, unequal in length, missing, zero,
    negative or not finite.
    """
    pairs = sample(assessed, sold)
    ratios = pairs.ratios
    equity = vertical_equity(pairs)
    bias = figures.price_related_bias(pairs)
    resampled = _resampled(pairs)
    within10, within20 = figures.share_within(ratios, 0.10), figures.share_within(ratios, 0.20)
    errors = figures.absolute_errors(ratios)
    return RatioStudy(
        n=ratios.size,
        median_ratio=figures.median_ratio(ratios),
        weighted_mean=figures.weighted_mean(pairs.assessed, pairs.sold),
        cod=figures.cod(ratios),
        prd=figures.prd(pairs.assessed, pairs.sold, ratios),
        prb=None if bias is None else bias.slope,
        vei=None if equity is None else equity.vei,
        pe10=within10[0] / within10[1],
        pe20=within20[0] / within20[1],
        mdape=figures.median_ratio(errors),
        median_ratio_interval=median_interval(ratios),
        weighted_mean_interval=resampled.get("weighted_mean"),
        cod_interval=resampled.get("cod"),
        prd_interval=resampled.get("prd"),
        prb_interval=_bias_interval(bias, ratios.size),
        vei_interval=resampled.get("vei"),
        pe10_interval=share_interval(*within10),
        pe20_interval=share_interval(*within20),
        mdape_interval=median_interval(errors),
        vertical_equity=equity,
        reasons=_reasons(ratios.size, bias is None, equity is None),
    )


def _reasons(count: int, no_bias: bool, no_equity: bool) -> tuple[str, ...]:
    stated = (
        (no_bias, NO_SPREAD_OF_VALUE),
        (no_equity, TOO_FEW_FOR_VEI),
        (count < MINIMUM_FOR_BOOTSTRAP, TOO_FEW_FOR_INTERVALS),
    )
    return tuple(reason for applies, reason in stated if applies)


def _bias_interval(bias: figures.Line | None, count: int) -> Interval | None:
    if bias is None or bias.standard_error is None:
        return None
    return slope_interval(bias.slope, bias.standard_error, count - 2, LEVEL)


def _resampled(pairs: Sample) -> dict[str, Interval]:
    """Bootstrap intervals of what has no formula that holds for ratios: weighted mean, COD, PRD and VEI."""
    count = pairs.ratios.size
    if count < MINIMUM_FOR_BOOTSTRAP:
        return {}
    groups = group_count(count)
    names = ("weighted_mean", "cod", "prd", "vei")[: 4 if groups else 3]
    return dict(zip(names, bootstrap_intervals(count, lambda rows: _statistics(pairs, rows, groups)), strict=True))


def _statistics(pairs: Sample, rows: NDArray[np.intp], groups: int | None) -> NDArray[np.float64]:
    """The figures of many resamples at once: rows of shape (resamples, n), result of shape (resamples, figures)."""
    import numpy as np

    assessed, sold, ratios = pairs.assessed[rows], pairs.sold[rows], pairs.ratios[rows]
    middle = np.median(ratios, axis=1)
    weighted = assessed.sum(axis=1) / sold.sum(axis=1)
    found = [
        weighted,
        100 * np.abs(ratios - middle[:, None]).mean(axis=1) / middle,
        ratios.mean(axis=1) / weighted,
    ]
    if groups:
        proxy = 0.5 * sold + 0.5 * assessed / middle[:, None]
        *_, last_start, _ = [0, *group_ends(rows.shape[1], groups)]
        first_end = group_ends(rows.shape[1], groups)[0]
        order = np.argpartition(proxy, sorted({first_end - 1, last_start}), axis=1)
        cheap = np.take_along_axis(ratios, order[:, :first_end], axis=1)
        dear = np.take_along_axis(ratios, order[:, last_start:], axis=1)
        found.append(100 * (np.median(dear, axis=1) - np.median(cheap, axis=1)) / middle)
    return np.column_stack(found)

"""The vertical equity indicator (VEI): whether cheap and dear property are estimated at the same ratio.

Belongs here: the groups of the price proxy, their medians, the indicator and its significance. Does not belong here:
its bootstrap interval (`study.py`) and its band (`bands.py`).

Source: IAAO, Standard on Ratio Studies, exposure drafts of 2025 (section 8.2.1) and May 2026 (appendix E). Groups end
at the ranks of percentile method R7, with which the worked example of the 2026 draft (54 sales) gives its printed
figures: median 0.8678, quartile medians 0.7280 and 1.1491, VEI 48.53 %, significance 17.57 %. The 2025 draft prints
50.12 % for the same sales, from quartiles of 14, 13, 14 and 13 sales.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from real_estate_assets.core.ratio_study.figures import value_proxy
from real_estate_assets.core.ratio_study.intervals import Interval, median_interval
from real_estate_assets.core.ratio_study.sample import RatioStudyError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from real_estate_assets.core.ratio_study.sample import Sample

MINIMUM_SALES = 20  # below: no indicator (a group needs about ten sales)
_GROUPS = ((50, 2), (500, 4))  # up to so many sales, so many groups; above: deciles
_DECILES = 10
GROUP_LEVEL = 0.90  # of the group medians' intervals, as the drafts have it


@dataclass(frozen=True, slots=True)
class ValueGroup:
    """Sales of one price group: how many, median proxy (dollars), median ratio and its 90 % interval."""

    n: int
    median_value: float
    median_ratio: float
    interval: Interval


@dataclass(frozen=True, slots=True)
class VerticalEquity:
    """VEI in percent of the median ratio (below 0: regressive), its groups from cheap to dear, and its significance.

    significance: percent by which the 90 % intervals of the highest and the lowest group median lie apart, 0 where
    they overlap. By the drafts an indicator outside +-10 is unacceptable only where this is above 10 too.
    """

    vei: float
    significance: float
    groups: tuple[ValueGroup, ...]


def group_count(sales: int) -> int | None:
    """2, 4 or 10 groups by the number of sales; None below 20."""
    if sales < MINIMUM_SALES:
        return None
    return next((groups for most, groups in _GROUPS if sales <= most), _DECILES)


def group_ends(sales: int, groups: int) -> list[int]:
    """Where each group ends in the order of value: the rank of percentile method R7, so the last is `sales`."""
    return [(sales - 1) * number // groups + 1 for number in range(1, groups + 1)]


def vertical_equity(pairs: Sample) -> VerticalEquity | None:
    """The indicator of these sales; None for fewer than 20."""
    import numpy as np

    groups = group_count(pairs.ratios.size)
    if groups is None:
        return None
    proxy = value_proxy(pairs)
    order = np.argsort(proxy, kind="stable")
    ends = group_ends(order.size, groups)
    members = [order[start:end] for start, end in zip([0, *ends], ends, strict=False)]
    found = tuple(_group(proxy[rows], pairs.ratios[rows]) for rows in members)
    middle = float(np.median(pairs.ratios))
    highest = max(found, key=lambda group: group.median_ratio)
    lowest = min(found, key=lambda group: group.median_ratio)
    return VerticalEquity(
        vei=100 * (found[-1].median_ratio - found[0].median_ratio) / middle,
        significance=max(0.0, 100 * (highest.interval.low - lowest.interval.high) / middle),
        groups=found,
    )


def _group(values: NDArray[np.float64], ratios: NDArray[np.float64]) -> ValueGroup:
    import numpy as np

    interval = median_interval(ratios, GROUP_LEVEL)
    if interval is None:  # by the counts above every group holds at least ten sales, and five would do
        raise RatioStudyError(f"a price group of {ratios.size} sales has no interval: give more sales")
    return ValueGroup(ratios.size, float(np.median(values)), float(np.median(ratios)), interval)

"""How likely a value is still right a year later, from pairs that lie any number of years apart.

Belongs here: the one estimate and its arithmetic. Does not belong here: whose pairs they are (`calibration.py`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

_HALVINGS = 60  # of the interval 0 to 1: as fine as a double


class Seen(NamedTuple):
    """Of n pairs that lie `years` apart, `agree` agreed. 0 <= agree <= n, years above 0."""

    n: int
    agree: int
    years: float


def surviving(seen: Sequence[Seen], prior: float, weight: float) -> float:
    """The most likely survival per year S, where a pair y years apart agrees with probability S ^ y.

    The prior counts as `weight` pairs of one year of which the share `prior` agreed. For pairs of one year that is
    (agree + weight x prior) / (n + weight); for others there is no formula, but the likelihood has one top, found by
    halving: sum of y x (agree - (n - agree) x S^y / (1 - S^y)) falls with S and is 0 there. Raises ValueError for
    impossible counts.
    """
    if not 0 <= prior <= 1 or weight <= 0:
        raise ValueError(f"a prior of {prior} with weight {weight} is none")
    if any(not 0 <= one.agree <= one.n or one.years <= 0 for one in seen):
        raise ValueError(f"impossible counts: {list(seen)}")
    weighed = [(float(one.n), float(one.agree), one.years) for one in seen] + [(weight, weight * prior, 1.0)]
    if all(n == agree for n, agree, _ in weighed):
        return 1.0
    if not any(agree for _, agree, _ in weighed):
        return 0.0
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if not low < middle < high:  # no double lies between them; 1 itself has no slope
            break
        if _slope(weighed, middle) > 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _slope(weighed: Sequence[tuple[float, float, float]], survival: float) -> float:
    """Of the log likelihood along log S."""
    return math.fsum(
        years * (agree - (n - agree) * survival**years / -math.expm1(years * math.log(survival)))
        for n, agree, years in weighed
    )

"""The pairs a ratio study looks at: estimates and sale prices of the same sales, checked before anything is computed.

Belongs here: what is refused and the words of the refusal. Does not belong here: any figure.

A price of 0 or a missing estimate is no sale to be judged: it is refused, never skipped, because a figure over fewer
sales than were given would look like one over all of them. Whoever asks drops what he must, and says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

_SHOWN = 5  # positions named in an error


class RatioStudyError(ValueError):
    """A list of estimates or prices that no ratio study can be made of; says what is wrong and what to do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Checked pairs, ordered by price and estimate, so that the order in which they came changes no figure.

    assessed, sold: dollars, float64, shape (n,), n >= 2, finite and above zero. ratios: assessed / sold, shape (n,).
    """

    assessed: NDArray[np.float64]
    sold: NDArray[np.float64]
    ratios: NDArray[np.float64]


def checked_pairs(assessed: ArrayLike, sold: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both lists as float64 arrays of shape (n,), in the order given.

    Raises RatioStudyError for lists of different length, fewer than two pairs, a value that is missing, not a number,
    infinite, zero or negative, and a ratio too large or too small to be computed; it names the first positions.
    """
    import numpy as np

    estimates, prices = _numbers(assessed, "estimates"), _numbers(sold, "sale prices")
    if estimates.size != prices.size:
        raise RatioStudyError(
            f"{estimates.size} estimates and {prices.size} sale prices: give one estimate for each sale, in one order"
        )
    if estimates.size < 2:
        raise RatioStudyError(
            f"a ratio study needs at least 2 sales, got {estimates.size}: "
            "widen the period or the area, or say that there are too few sales"
        )
    for name, values in (("estimate", estimates), ("sale price", prices)):
        _refuse(~np.isfinite(values), name, "missing or not finite", values)
        _refuse(values <= 0, name, "zero or negative", values)
    with np.errstate(over="ignore", under="ignore"):
        ratios = estimates / prices
    _refuse(~(np.isfinite(ratios) & (ratios > 0)), "ratio", "out of range", ratios)
    return estimates, prices


def sample(assessed: ArrayLike, sold: ArrayLike) -> Sample:
    """The checked pairs in one order. Raises RatioStudyError as `checked_pairs` does."""
    import numpy as np

    estimates, prices = checked_pairs(assessed, sold)
    order = np.lexsort((estimates, prices))
    estimates, prices = estimates[order], prices[order]
    return Sample(estimates, prices, estimates / prices)


def _numbers(values: ArrayLike, name: str) -> NDArray[np.float64]:
    import numpy as np

    try:
        numbers = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise RatioStudyError(f"the {name} are not all numbers ({error}): drop or fill what is missing first") from None
    if numbers.ndim != 1:
        raise RatioStudyError(f"the {name} have {numbers.ndim} dimensions: give a plain list of numbers")
    return numbers


def _refuse(is_wrong: NDArray[np.bool_], name: str, what: str, values: NDArray[np.float64]) -> None:
    import numpy as np

    positions = np.flatnonzero(is_wrong)
    if not positions.size:
        return
    shown = ", ".join(f"number {at} ({values[at]:g})" for at in positions[:_SHOWN].tolist())
    more = f" and {positions.size - _SHOWN} more" if positions.size > _SHOWN else ""
    raise RatioStudyError(
        f"{positions.size} of {values.size} {name}s {what}: {shown}{more}. "
        "Drop these sales by a rule that you state with the result; a ratio study never drops any by itself"
    )

"""What the neighbours' earlier sales say: their prices, and how far the model was off there.

Belongs here: summaries over the nearest earlier sales, the level of the last weeks, the last sale of the same property.
Does not belong here: finding the neighbours (`neighbours.py`), nor what they are later used for.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.neighbours import Neighbours

# Added to a distance before it divides: the flat next door does not outweigh the whole street, nor a twin its likes.
NEAR_KM, NEAR_ALIKE = 0.1, 0.2
_SPREAD = 15  # neighbours whose spread and distance are told


def summary_names(prefix: str, counts: tuple[int, ...]) -> tuple[str, ...]:
    """Names of the columns of `summaries`, in order."""
    each = tuple(f"{prefix}_{kind}_{count}" for count in counts for kind in ("median", "near"))
    return (*each, f"{prefix}_spread")


def summaries(
    values: NDArray[np.float64], near: Neighbours, counts: tuple[int, ...], soft: float = NEAR_KM
) -> NDArray[np.float32]:
    """[n, 2 x len(counts) + 1]: median and inverse-distance mean of the nearest known values, and their spread."""
    import numpy as np

    found = np.where(near.sales >= 0, values[near.sales], np.nan)
    columns = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # a row without one known neighbour is nan, as it should be
        for count in counts:
            some, weight = found[:, :count], 1.0 / (near.distance[:, :count] + soft)
            weight = np.where(np.isnan(some), 0.0, weight)
            total = weight.sum(axis=1)
            columns.append(np.nanmedian(some, axis=1))
            columns.append((np.nan_to_num(some) * weight).sum(axis=1) / np.where(total > 0, total, np.nan))
        columns.append(np.nanstd(found[:, :_SPREAD], axis=1))
    return np.column_stack(columns).astype(np.float32)


def distances(near: Neighbours) -> NDArray[np.float32]:
    """[n, 1]: distance to the 15th nearest earlier sale (or the last there is): how thick the evidence lies here."""
    return near.distance[:, [min(_SPREAD, near.distance.shape[1]) - 1]]


def recent_level(
    residuals: NDArray[np.float64], sold_on: NDArray[np.int64], asked_on: NDArray[np.int64], span: int, minimum: int
) -> NDArray[np.float64]:
    """Median residual of the `span` days strictly before each day asked; nan where fewer than `minimum` are known.

    `sold_on` ascends. Residuals are logs: sold minus predicted.
    """
    import numpy as np

    different, back = np.unique(asked_on, return_inverse=True)
    levels = np.full(len(different), np.nan)
    starts = np.searchsorted(sold_on, different - span, side="left")
    ends = np.searchsorted(sold_on, different, side="left")
    for at, (start, end) in enumerate(zip(starts, ends, strict=True)):
        known = residuals[start:end]
        known = known[np.isfinite(known)]
        if len(known) >= minimum:
            levels[at] = np.median(known)
    return levels[back]


def previous_sales(
    property_ids: NDArray[np.object_],
    sold_on: NDArray[np.int64],
    log_prices: NDArray[np.float64],
    asked_ids: NDArray[np.object_],
    asked_on: NDArray[np.int64],
) -> NDArray[np.float32]:
    """[n, 2]: log price of the same property's last sale strictly before the day asked, and how many days before."""
    import numpy as np
    import polars as pl

    asked = pl.DataFrame({"id": asked_ids, "day": asked_on, "row": np.arange(len(asked_on))}).sort(
        "day", maintain_order=True
    )
    # One day later: "strictly before" then is "no later than", which an as-of join can say.
    sold = pl.DataFrame({"id": property_ids, "known": sold_on + 1, "price": log_prices})
    found = asked.join_asof(
        sold, left_on="day", right_on="known", by="id", strategy="backward", check_sortedness=False
    ).sort("row")
    gap = found["day"] - found["known"] + 1
    columns = [found["price"].fill_null(float("nan")), gap.cast(pl.Float64).fill_null(float("nan"))]
    return np.column_stack([column.to_numpy() for column in columns]).astype(np.float32)

"""The nearest sales that had already happened: exact, and never one of the same day or later.

Nearest in kilometres, or in whatever the coordinates measure: the same search finds the likest houses.

Belongs here: distances and the search. Does not belong here: what is read off the neighbours (`lags.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BLOCK = 128  # rows at a time: 128 x 25,000 distances are 13 MB, about what a cache holds


class Neighbours(NamedTuple):
    """Per row its nearest earlier sales, nearest first: row numbers among the known (-1: none), distances (nan)."""

    sales: NDArray[np.int32]
    distance: NDArray[np.float32]


def prior_neighbours(
    places: NDArray[np.float32], limits: NDArray[np.int64], known: NDArray[np.float32], count: int
) -> Neighbours:
    """The `count` nearest of `known[:limits[i]]` for each `places[i]`; places are [n, d], nan where unknown.

    `known` stands in the order of time and limits[i] counts those strictly before row i, so nothing later is in reach.
    Equal distances are told apart by age, the newer first, so that what is sold later changes no earlier answer.
    """
    import numpy as np

    index = np.full((len(places), count), -1, np.int32)
    distance = np.full((len(places), count), np.nan, np.float32)
    for start in range(0, len(places), _BLOCK):
        rows = slice(start, min(start + _BLOCK, len(places)))
        reach = int(limits[rows].max(initial=0))
        if reach:
            _search(places[rows], limits[rows], known[:reach], index[rows], distance[rows])
    return Neighbours(index, distance)


def _search(
    places: NDArray[np.float32],
    limits: NDArray[np.int64],
    known: NDArray[np.float32],
    index: NDArray[np.int32],
    distance: NDArray[np.float32],
) -> None:
    """Fill the given rows of index and distance. Searched newest first; a stable sort keeps that order."""
    import numpy as np

    newest_first = known[::-1]
    squared = np.zeros((len(places), len(known)), np.float32)
    for here, there in zip(places.T, newest_first.T, strict=True):
        apart = here[:, None] - there[None, :]
        apart *= apart
        squared += apart
    age = np.arange(len(known))[::-1]
    squared[(age[None, :] >= limits[:, None]) | np.isnan(squared)] = np.inf
    take = min(index.shape[1], len(known))
    edge = np.partition(squared, take - 1, axis=1)[:, take - 1]
    for row, distances in enumerate(squared):
        near = (
            np.flatnonzero(distances <= edge[row]) if np.isfinite(edge[row]) else np.flatnonzero(np.isfinite(distances))
        )
        near = near[np.argsort(distances[near], kind="stable")][:take]
        index[row, : len(near)] = age[near]
        distance[row, : len(near)] = np.sqrt(distances[near])

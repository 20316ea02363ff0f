"""Where estimates are too high or too low: a map of the median error.

Belongs here: the drawing. Does not belong here: hazards (`core/pictures.grid_map` shows the worst of a cell; this shows
the middle, because one bad estimate is no pattern).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from real_estate_assets.core.pictures import caption, svg_image
from real_estate_assets.core.valuation_pictures.paper import (
    PICTURE_LIMIT,
    cells,
    key,
    positive_pairs,
    word,
    words,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

# Too low, a little low, within 3 %, a little high, too high. Lightness falls to both ends.
ERRORS = ("#0b5a8a", "#9cc3dd", "#ece8dc", "#eab08f", "#b3361b")
LIMITS = (-0.10, -0.03, 0.03, 0.10)
FEWEST = 3  # sales of a cell; fewer are a grey dot, because their median is one buyer's mood
_TOO_FEW = -2  # as a colour's number: no square, but a dot
_FEW = "#aaa"
_WIDTH, _HEIGHT = 416, 380
_CELL_SIDES = (8, 10, 13, 16, 20, 26)
_WANTED = 5  # sales of a typical cell, so that its median says something
_OUTER = 0.002  # of the places at each edge may lie outside the frame


def error_map(longitude: ArrayLike, latitude: ArrayLike, actual: ArrayLike, predicted: ArrayLike, label: str) -> str:
    """Median error of the sales in each cell: blue where estimates are low, vermilion where they are high.

    longitude, latitude: degrees; actual, predicted: dollars; all of shape (n,). Pairs or places that are missing count
    as unknown in the caption. Cells of fewer than three sales are dots. Cells grow until a typical one holds five
    sales and the text is under 8,000 characters. Raises ValueError for unequal lengths or a label over 60 letters.
    """
    import numpy as np

    sold, estimate, known = positive_pairs(actual, predicted)
    lon, lat = (np.asarray(axis, dtype=np.float64).ravel() for axis in (longitude, latitude))
    if not lon.size == lat.size == sold.size:
        raise ValueError(f"{lon.size} longitudes, {lat.size} latitudes and {sold.size} prices: give one each")
    known &= np.isfinite(lon) & np.isfinite(lat)
    text = caption(label, int(known.sum()), int((~known).sum()))
    if not known.any():
        return text
    x, y, error = _on_paper(lon[known], lat[known], estimate[known] / sold[known] - 1)
    for side in _CELL_SIDES:
        level, typical = _levels(x, y, error, side)
        height = level.shape[0] * side
        drawn = cells(level, side, ERRORS) + _dots(level, side) + _legend(height)
        picture = svg_image(drawn, max(level.shape[1] * side, _WIDTH), height + 48, text)
        if typical >= _WANTED and len(picture) < PICTURE_LIMIT:
            break
    return picture


def _on_paper(
    lon: NDArray[np.float64], lat: NDArray[np.float64], error: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Pixels with north up; places far from all others are left out, or they would shrink the map to a corner."""
    import numpy as np

    east = lon * math.cos(math.radians(float(np.median(lat))))
    ends = [np.quantile(axis, [_OUTER, 1 - _OUTER]) for axis in (east, lat)]
    inside = (east >= ends[0][0]) & (east <= ends[0][1]) & (lat >= ends[1][0]) & (lat <= ends[1][1])
    east, north = east[inside] - ends[0][0], ends[1][1] - lat[inside]
    scale = min((_WIDTH - 1) / max(float(east.max()), 1e-9), (_HEIGHT - 1) / max(float(north.max()), 1e-9))
    return east * scale, north * scale, error[inside]


def _levels(
    x: NDArray[np.float64], y: NDArray[np.float64], error: NDArray[np.float64], side: int
) -> tuple[NDArray[np.intp], float]:
    """Each cell's colour number, -1 where nothing was sold, and how many sales the cell of a typical sale holds."""
    import numpy as np

    column, row = (x // side).astype(int), (y // side).astype(int)
    level = np.full((int(row.max()) + 1, int(column.max()) + 1), -1)
    cell = row * level.shape[1] + column
    order = np.argsort(cell, kind="stable")
    at, starts, counts = np.unique(cell[order], return_index=True, return_counts=True)
    for place, start, count in zip(at.tolist(), starts.tolist(), counts.tolist(), strict=True):
        middle = np.median(error[order[start : start + count]])
        level.flat[place] = np.digitize(middle, LIMITS) if count >= FEWEST else _TOO_FEW
    return level, float(np.median(np.repeat(counts, counts)))


def _dots(level: NDArray[np.intp], side: int) -> str:
    """A small grey dot for each cell of too few sales."""
    import numpy as np

    places = zip(*(axis.tolist() for axis in np.nonzero(level == _TOO_FEW)), strict=True)
    path = "".join(f"M{column * side + side // 2} {row * side + side // 2}h0" for row, column in places)
    return f'<path stroke="{_FEW}" stroke-width="3" stroke-linecap="round" d="{path}"/>' if path else ""


def _legend(top: int) -> str:
    """What the colours and dots are: from too low to too high, in percent of the price."""
    said = word(0, top + 34, f"median error of a cell's estimates; a dot: fewer than {FEWEST} sales")
    texts = ("< −10 %", "−10 to −3 %", "−3 to 3 %", "3 to 10 %", "> 10 %")
    return words(said) + key(ERRORS, texts, 0, top + 8, 84)

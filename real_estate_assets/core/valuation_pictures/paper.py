"""What all valuation pictures are drawn with: words, money on an axis, coloured cells.

Belongs here: pieces of SVG that more than one picture needs. Does not belong here: a whole picture.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

PICTURE_LIMIT = 8_000  # characters of one picture that is opened by a click
GREY, PALE = "#666", "#bbb"


def words(texts: str, *, size: int = 10, fill: str = GREY) -> str:
    """A group of `text` elements in the font of the page's interface rather than in Times."""
    return f'<g font-family="sans-serif" font-size="{size}" fill="{fill}">{texts}</g>'


def word(x: float, y: float, text: str, anchor: str = "") -> str:
    """One text at pixel x, y (its base line); anchor: `middle` or `end`, else it begins at x."""
    where = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:g}" y="{y:g}"{where}>{escaped(text)}</text>'


def escaped(text: str) -> str:
    """Text that is safe inside an SVG element."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def money(dollars: float) -> str:
    """Dollars in as few letters as an axis has room for: $850, $50k, $1.2M."""
    for limit, unit in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if dollars >= limit * 0.9995:
            return f"${dollars / limit:.3g}{unit}"
    return f"${dollars:.3g}"


def money_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round amounts between two, at most `most`: 1, 2 and 5 of each power of ten, or as many of them as fit."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for leading in ((1, 2, 5), (1, 3), (1,)):
        ticks = [step * 10.0**power for power in powers for step in leading if low <= step * 10.0**power <= high]
        if len(ticks) <= most:
            return ticks
    return ticks[:: math.ceil(len(ticks) / most)]


def positive_pairs(
    actual: ArrayLike, predicted: ArrayLike
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Both lists as float64 of shape (n,) and which pairs are known: finite and above zero on both sides.

    Raises ValueError for lists of different length.
    """
    import numpy as np

    sold, estimate = (np.asarray(side, dtype=np.float64).ravel() for side in (actual, predicted))
    if sold.size != estimate.size:
        raise ValueError(f"{sold.size} prices and {estimate.size} estimates: a picture needs one estimate a price")
    with np.errstate(invalid="ignore"):
        known = np.isfinite(sold) & np.isfinite(estimate) & (sold > 0) & (estimate > 0)
    return sold, estimate, known


def cells(level: NDArray[np.intp], side: int, colours: Sequence[str], left: int = 0, top: int = 0) -> str:
    """A grid of coloured squares of `side` pixels: level[row, column] is a colour's number, -1 is nothing.

    One stroked path a colour; neighbours of a row and colour are one stroke.
    """
    paths = [""] * len(colours)
    for row, line in enumerate(level.tolist()):
        y, start = top + row * side + side / 2, 0
        for column in range(1, len(line) + 1):
            if column == len(line) or line[column] != line[start]:
                if line[start] >= 0:
                    paths[line[start]] += f"M{left + start * side} {y:g}h{(column - start) * side}"
                start = column
    return "".join(
        f'<path stroke="{colour}" stroke-width="{side}" shape-rendering="crispEdges" d="{path}"/>'
        for colour, path in zip(colours, paths, strict=True)
        if path
    )


def key(colours: Sequence[str], texts: Sequence[str], x: int, y: int, step: int) -> str:
    """A row of swatches with words from pixel x on, their top at y, `step` pixels apart."""
    swatches = "".join(
        f'<path fill="{colour}" d="M{x + place * step} {y}h11v11h-11z"/>' for place, colour in enumerate(colours)
    )
    said = "".join(word(x + place * step + 15, y + 9.5, text) for place, text in enumerate(texts))
    return swatches + words(said)

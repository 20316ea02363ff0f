"""How close estimates come to prices: one picture of all pairs, one of their ratios.

Belongs here: the two drawings. Does not belong here: groups (`groups.py`), places (`places.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from real_estate_assets.core.pictures import FAIR, SOLID, WEAK, caption, svg_image
from real_estate_assets.core.valuation_pictures.paper import (
    GREY,
    PALE,
    PICTURE_LIMIT,
    cells,
    key,
    money,
    money_ticks,
    positive_pairs,
    word,
    words,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

DENSITY = ("#c3d8e7", "#86b3d1", "#3f7fae", "#0f3f66")  # few to many sales, four clearly different lightness steps
NEAR = 0.2  # the dashed lines: 20 % above and below the price
_SIDE, _LEFT, _TOP = 320, 46, 8
_CELL_SIDES = (8, 10, 16, 20)
_TRIMMED = 0.002  # of the values at each end, outside the frame: one sale of a dollar must not shrink all the others

_LOW, _HIGH, _BINS, _STEP, _HEIGHT = 0.5, 1.5, 40, 7, 56


def predicted_against_actual(actual: ArrayLike, predicted: ArrayLike, label: str) -> str:
    """All sales by price (to the right) and estimate (upwards), both logarithmic, darker where there are more.

    actual, predicted: dollars, shape (n,); pairs that are missing or not above zero count as unknown in the caption.
    The diagonal is equality, dashed is 20 % away. What lies beyond the frame is counted under it. Under 8,000
    characters. Raises ValueError for unequal lengths or a label over 60 letters.
    """
    import numpy as np

    sold, estimate, known = positive_pairs(actual, predicted)
    text = caption(label, int(known.sum()), int((~known).sum()))
    if not known.any():
        return text
    x, y = np.log(sold[known]), np.log(estimate[known])
    ends = np.quantile(np.concatenate([x, y]), [_TRIMMED, 1 - _TRIMMED])
    low, high = float(ends[0]) - 0.05, float(ends[1]) + 0.05
    inside = (x >= low) & (x <= high) & (y >= low) & (y <= high)
    scale = _SIDE / (high - low)
    frame = _frame(low, high, scale)
    outside = int((~inside).sum())
    for side in _CELL_SIDES:
        drawn = _density((x[inside] - low) * scale, (high - y[inside]) * scale, side)
        note = word(_LEFT, _TOP + _SIDE + 62, f"{outside:,} outside the frame") if outside else ""
        picture = svg_image(
            drawn + frame + words(note), _LEFT + _SIDE + 14, _TOP + _SIDE + (68 if outside else 54), text
        )
        if len(picture) < PICTURE_LIMIT:
            break
    return picture


def ratio_histogram(actual: ArrayLike, predicted: ArrayLike, label: str) -> str:
    """Estimates over prices in 40 bars from 0.5 to 1.5; what lies outside stands in the end bars.

    Blue within 10 % of the price, ochre within 20 %, vermilion beyond; the mark under the axis is the median. actual,
    predicted: dollars, shape (n,). Under 1,000 characters. Raises ValueError as `predicted_against_actual` does.
    """
    import numpy as np

    sold, estimate, known = positive_pairs(actual, predicted)
    text = caption(label, int(known.sum()), int((~known).sum()))
    if not known.any():
        return text
    ratios = estimate[known] / sold[known]
    counts, _ = np.histogram(np.clip(ratios, _LOW, _HIGH), bins=_BINS, range=(_LOW, _HIGH))
    heights = [max(round(count / counts.max() * _HEIGHT), 1) if count else 0 for count in counts.tolist()]
    width = _BINS * _STEP
    middle = float(np.median(ratios))
    at = round((min(max(middle, _LOW), _HIGH) - _LOW) / (_HIGH - _LOW) * width)
    base = _HEIGHT + 13
    axis = (
        f'<path fill="{GREY}" d="M{at} {_HEIGHT}l4 6h-8z"/><g font-size="10" fill="{GREY}"><text y="{base}">0.5</text>'
        '<text y="9">blue ±10 %</text><text y="21">ochre ±20 %</text>'
        f'<text x="{at + 7}" y="{base}">median {middle:.3f}</text><text x="{width - 15}" y="{base}">1.5</text></g>'
    )
    return svg_image(_stairs(heights) + axis, width, base + 3, text)


def _stairs(heights: list[int]) -> str:
    """Bars of 2.5 % of the price each as filled steps, coloured by how far they are from an estimate equal to it."""
    near, close = round(0.1 * _BINS), round(NEAR * _BINS)
    middle = _BINS // 2
    ends = (0, middle - close, middle - near, middle + near, middle + close, _BINS)
    paths = {WEAK: "", FAIR: "", SOLID: ""}
    for start, end, colour in zip(ends, ends[1:], (WEAK, FAIR, SOLID, FAIR, WEAK), strict=False):
        steps = "".join(f"V{_HEIGHT - height}h{_STEP}" for height in heights[start:end])
        paths[colour] += f"M{start * _STEP} {_HEIGHT}{steps}V{_HEIGHT}"
    return "".join(f'<path fill="{colour}" d="{path}"/>' for colour, path in paths.items())


def _density(x: NDArray[np.float64], y: NDArray[np.float64], side: int) -> str:
    """Squares coloured by how many sales they hold, and the key to it."""
    import numpy as np

    across = _SIDE // side
    count = np.zeros((across, across), dtype=int)
    np.add.at(count, tuple(np.minimum((axis // side).astype(int), across - 1) for axis in (y, x)), 1)
    limits = _limits(int(count.max()))
    level = np.where(count > 0, np.searchsorted(limits, count, side="right") - 1, -1)
    ranges = [
        f"{first}" if first == last else f"{first}–{last}"
        for first, last in zip(limits, [*(one - 1 for one in limits[1:]), int(count.max())], strict=True)
    ]
    said = word(_LEFT, _TOP + _SIDE + 46, "sales in a square")
    legend = words(said) + key(DENSITY[-len(limits) :], ranges, _LEFT + 94, _TOP + _SIDE + 36, 58)
    return cells(level, side, DENSITY[-len(limits) :], _LEFT, _TOP) + legend


def _limits(most: int) -> list[int]:
    """From how many sales on each colour applies: up to four steps, each the same factor above the one before."""
    steps = sorted({round(most ** (place / 4)) for place in range(4)})
    return [step for step in steps if step >= 1]


def _frame(low: float, high: float, scale: float) -> str:
    """Axes with round amounts, the diagonal, and the lines 20 % away."""
    import math

    right, bottom = _LEFT + _SIDE, _TOP + _SIDE
    lines = f'<path stroke="{PALE}" fill="none" d="M{_LEFT} {_TOP}v{_SIDE}h{_SIDE}"/>'
    lines += f'<path stroke="{GREY}" d="M{_LEFT} {bottom}L{right} {_TOP}"/>'
    above, below = (abs(math.log(1 + sign * NEAR)) * scale for sign in (1, -1))
    lines += (
        f'<path stroke="{GREY}" stroke-dasharray="2 4" d="M{_LEFT} {bottom - above:.0f}L{right - above:.0f} {_TOP}'
        f'M{_LEFT + below:.0f} {bottom}L{right} {_TOP + below:.0f}"/>'
    )
    texts = ""
    for amount in money_ticks(math.exp(low), math.exp(high)):
        at = (math.log(amount) - low) * scale
        texts += word(_LEFT - 5, round(bottom - at + 3.5, 1), money(amount), "end")
        texts += word(round(_LEFT + at, 1), bottom + 14, money(amount), "middle")
    texts += word(_LEFT + 6, _TOP + 12, "↑ estimate") + word(right, bottom + 27, "→ sold for", "end")
    texts += word(right - 4, bottom - 8, "dashed: 20 % away from the price", "end")
    return lines + words(texts)

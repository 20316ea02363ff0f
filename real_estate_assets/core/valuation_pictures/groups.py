"""Errors by price and coverage by tercile: whether the estimates serve cheap and dear property alike.

Belongs here: the two drawings. Does not belong here: intervals of coverage, which `core/ratio_study` computes.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from real_estate_assets.core.pictures import SOLID, WEAK, caption, svg_image
from real_estate_assets.core.ratio_study.intervals import share_interval
from real_estate_assets.core.valuation_pictures.paper import GREY, PALE, positive_pairs

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

PROMISED = (0.88, 0.92)  # of 90 % intervals, what the gates promise
TERCILES = ("low", "middle", "high")

_DECILES, _BEGIN, _STEP, _HEIGHT = 10, 34, 25, 96  # pixels: words on the left, then a tenth a step
_LEAST_REACH = 0.2  # the error axis shows at least -20 % to +20 %, so that noise does not look like an event
_LEFT, _WIDTH, _ROW = 92, 200, 18


def error_by_price_decile(actual: ArrayLike, predicted: ArrayLike, label: str) -> str:
    """For each tenth of the sales, cheapest left: median error (dot) and the middle half of errors (bar), percent.

    actual, predicted: dollars, shape (n,). Tenths are of the price proxy (half the price, half the estimate), because
    tenths of the price make every estimator look regressive. A dot more than 5 % off is vermilion. Fewer than 20 known
    pairs are said in words. Under 1,000 characters. Raises ValueError for unequal lengths or a label over 60 letters.
    """
    import numpy as np

    sold, estimate, known = positive_pairs(actual, predicted)
    text = caption(label, int(known.sum()), int((~known).sum()))
    if known.sum() < 2 * _DECILES:
        return text
    sold, estimate = sold[known], estimate[known]
    ratios = estimate / sold
    order = np.argsort(0.5 * sold + 0.5 * estimate / np.median(ratios), kind="stable")
    quarters = np.array([np.quantile(ratios[part], [0.25, 0.5, 0.75]) - 1 for part in np.array_split(order, _DECILES)])
    reach = max(_LEAST_REACH, math.ceil(float(np.abs(quarters).max()) * 10) / 10)
    pixel = np.round((1 - quarters / reach) * _HEIGHT / 2).astype(int).tolist()
    bars, dots = "", {SOLID: "", WEAK: ""}
    for place, (low, middle, high) in enumerate(pixel):
        x = _BEGIN + place * _STEP + _STEP // 2
        bars += f"M{x} {high}v{low - high}"
        dots[WEAK if abs(quarters[place, 1]) > 0.05 else SOLID] += f"M{x} {middle}h0"
    drawn = "".join(f'<path stroke="{c}" stroke-width="9" d="{d}"/>' for c, d in dots.items() if d)
    width, base = _BEGIN + _DECILES * _STEP, _HEIGHT + 11
    return svg_image(
        f'<path stroke="#a9cbe3" stroke-width="14" d="{bars}"/>'
        f'<path stroke="{GREY}" d="M{_BEGIN} {_HEIGHT // 2}H{width}"/>'
        f'<g stroke-linecap="round">{drawn}</g><g font-size="10" fill="{GREY}"><text y="9">+{reach:.0%}</text>'
        f'<text y="{_HEIGHT}">−{reach:.0%}</text><text x="62" y="{base}">← cheap · error by price tenth · dear →</text>'
        "</g>",
        width,
        base + 3,
        text,
    )


def coverage_by_tercile(is_covered: ArrayLike, tercile: ArrayLike, label: str) -> str:
    """Share of sales whose price lies in the estimate's 90 % interval: all, and by tercile, with 95 % whiskers.

    is_covered: booleans, shape (n,). tercile: 1 (cheapest third of the predictions), 2 or 3, shape (n,). The band is
    what is promised, 88 to 92 %; a dot outside is vermilion. The axis begins at 70 %, or lower where a whisker does;
    the whiskers show how much of a difference is chance. Under 1,000 characters. Raises ValueError for unequal lengths
    or another tercile.
    """
    import numpy as np

    covered, group = np.asarray(is_covered, dtype=bool).ravel(), np.asarray(tercile, dtype=int).ravel()
    if covered.size != group.size or not np.isin(group, (1, 2, 3)).all():
        raise ValueError("coverage needs one tercile (1, 2 or 3) for each sale; leave out sales without an interval")
    text = caption(label, covered.size, 0)
    if not covered.size:
        return text
    rows = [("all", covered)] + [(name, covered[group == place]) for place, name in enumerate(TERCILES, 1)]
    shares = [(name, int(one.sum()), one.size) for name, one in rows if one.size]
    whiskers = [share_interval(inside, total) for _, inside, total in shares]
    least = min(0.7, math.floor(min(one.low for one in whiskers) * 10) / 10)

    def x(share: float) -> int:
        return _LEFT + round((share - least) / (1 - least) * _WIDTH)

    lines, dots, texts = "", {SOLID: "", WEAK: ""}, ""
    for place, ((name, inside, total), ends) in enumerate(zip(shares, whiskers, strict=True)):
        y, share = place * _ROW + 9, inside / total
        lines += f"M{x(ends.low)} {y}H{x(ends.high)}"
        dots[SOLID if PROMISED[0] <= share <= PROMISED[1] else WEAK] += f"M{x(share)} {y}h0"
        texts += f'<text y="{y + 4}">{name} {share:.1%}</text>'
    base = len(shares) * _ROW
    drawn = "".join(f'<path stroke="{c}" stroke-width="9" d="{d}"/>' for c, d in dots.items() if d)
    return svg_image(
        f'<path fill="#5b93bd44" d="M{x(PROMISED[0])} 0H{x(PROMISED[1])}V{base}H{x(PROMISED[0])}"/>'
        f'<path stroke="{PALE}" d="M{_LEFT} {base}h{_WIDTH}"/><path stroke="{GREY}" d="{lines}"/>'
        f'<g stroke-linecap="round">{drawn}</g><g font-size="11" fill="{GREY}">{texts}'
        f'<text x="{_LEFT}" y="{base + 12}">{least:.0%}</text>'
        f'<text x="{x(PROMISED[1])}" y="{base + 12}" text-anchor="end">promised 88–92%</text></g>',
        x(1) + 2,
        base + 16,
        text,
    )

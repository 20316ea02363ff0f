"""Small plots about trust for run metadata: is it as high as it is right, how did it move, how does it lie in a group.

Belongs here: drawing counts and series as hand-made SVG or block characters, each under 1,000 characters, so that the
Dagster UI shows it without a click. Does not belong here: histograms, maps and tables (`pictures.py`), and where the
numbers come from (`defs`).

Shares run from 0 to 1 on every axis and the axis always shows all of it: a plot that starts at 0.9 makes noise of a
tenth of a percent look like an event.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from real_estate_assets.core.pictures import FAIR, SOLID, TRUST_BANDS, band_colour, caption, svg_image

SIDE, MARGIN, AXIS = 130, 7, 13  # pixels: of a reliability diagram, around its dots, of the words under a trend
_SIZES = ((10_000, 11), (200, 7), (0, 4))  # a dot's diameter by how many cells it stands for: many, enough, few
_MOST_BINS, _MOST_BUILDS = 12, 20
_TREND_WIDTH, _TREND_HEIGHT = 240, 40
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class ReliabilityBin:
    """Cells whose trust is nearly equal: how many, their mean trust, and the share that turned out to agree."""

    n: int
    predicted: float
    measured: float


def reliability_diagram(bins: Sequence[ReliabilityBin], label: str) -> str:
    """Measured agreement (upwards) over predicted trust (to the right); dots on the diagonal are calibrated.

    A dot's size says how many cells it stands for: under 200, under 10,000, more; its colour is the band of its trust.
    Empty bins are left out. Raises ValueError for a share outside 0..1, more than 12 bins, or a label over 60 letters.
    """
    shown = [one for one in bins if one.n]
    if len(shown) > _MOST_BINS or any(not 0 <= p <= 1 for one in shown for p in (one.predicted, one.measured)):
        raise ValueError(f"a reliability diagram needs at most {_MOST_BINS} bins with shares from 0 to 1")
    text = caption(label, sum(one.n for one in shown), 0)
    if not shown:
        return text
    dots: dict[tuple[str, int], str] = {}
    for one in shown:
        size = next(width for least, width in _SIZES if one.n >= least)
        key = band_colour(one.predicted, TRUST_BANDS), size
        dots[key] = dots.get(key, "") + f"M{_px(one.predicted)} {SIDE - _px(one.measured)}h0"
    drawn = "".join(f'<path stroke="{colour}" stroke-width="{size}" d="{d}"/>' for (colour, size), d in dots.items())
    frame = f'<path stroke="#999" d="M0 0v{SIDE}h{SIDE}M0 {SIDE}L{SIDE} 0" fill="none"/>'
    words = f'<text font-size="10" fill="#666" y="{SIDE + 14}">→ trust, ↑ agreement, 0 to 1</text>'
    plot = f'<g transform="translate({MARGIN} {MARGIN})" stroke-linecap="round">{frame}{drawn}{words}</g>'
    return svg_image(plot, SIDE + 3 * MARGIN, SIDE + MARGIN + 18, text)


def trend(means: Sequence[float], solid_shares: Sequence[float], label: str) -> str:
    """Two lines over the builds, oldest first: mean trust (solid, blue), share of solid cells (dashed, ochre), 0 to 1.

    At most the newest 20 builds; NaN breaks a line. Raises ValueError for unequal lengths.
    """
    if len(means) != len(solid_shares):
        raise ValueError(f"a trend needs as many means as shares, got {len(means)} and {len(solid_shares)}")
    pairs = list(zip(means, solid_shares, strict=True))[-_MOST_BUILDS:]
    text = caption(label, sum(not math.isnan(mean) for mean, _ in pairs), 0)
    if not pairs:
        return text
    lines = "".join(
        f'<path stroke="{colour}" stroke-width="2" stroke-linecap="round" fill="none"{dash} d="{_line(values)}"/>'
        for colour, dash, values in (
            (SOLID, "", [mean for mean, _ in pairs]),
            (FAIR, ' stroke-dasharray="1 4"', [solid for _, solid in pairs]),
        )
    )
    frame = f'<path stroke="#999" fill="none" d="M0 0v{_TREND_HEIGHT}h{_TREND_WIDTH}"/>'
    words = (
        f'<text font-size="10" fill="#666" y="{_TREND_HEIGHT + 11}">the last {len(pairs)} builds, 0 to 1; '
        "dashed: solid cells</text>"
    )
    return svg_image(frame + lines + words, _TREND_WIDTH, _TREND_HEIGHT + AXIS, text)


def blocks(counts: Sequence[int]) -> str:
    """A histogram in one line of text, a block a bin; a bin that counts anything shows at least the lowest block."""
    most = max(counts, default=0)
    if not most:
        return ""
    return "".join(_BLOCKS[max(math.ceil(count / most * len(_BLOCKS)) - 1, 0)] if count else "·" for count in counts)


def _builds(count: int) -> str:
    return "the first build" if count == 1 else f"the last {count} builds"


def _px(share: float) -> int:
    return round(share * SIDE)


def _line(values: Sequence[float]) -> str:
    """A path through the values, a build a step; one build alone is a dot."""
    step = _TREND_WIDTH // _MOST_BUILDS
    path, is_open = "", False
    for number, value in enumerate(values):
        if math.isnan(value):
            is_open = False
            continue
        point = f"{number * step + step // 2} {round((1 - value) * _TREND_HEIGHT, 1):g}"
        path += f"{'L' if is_open else 'M'}{point}" + ("" if is_open else "h0")
        is_open = True
    return path

"""Small pictures for run metadata: a histogram, a grid map and a table with bars, as Markdown text.

Belongs here: drawing numbers as hand-made SVG or block characters, within the size that the Dagster UI shows well.
Does not belong here: deciding what to draw (`defs`), maps for reports, anything interactive.

Every picture is written into the event log for each materialization, hence the budgets: Markdown under 1,000
characters is drawn inline in the UI, longer text hides behind a link; no event should carry more than 20 KB. The same
numbers always give the same text, so two equal runs have equal metadata. Colours are told apart by readers with a
colour vision deficiency (blue, ochre, vermilion; ramps by lightness), and axis or legend say the order a second time.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import ArrayLike, NDArray

INLINE_LIMIT = 1_000  # characters; the UI draws Markdown shorter than this without a click
EVENT_LIMIT = 20_000  # characters of one picture

WEAK, FAIR, SOLID = "#b3361b", "#b06f00", "#0b5a8a"
NEUTRAL = "#666"
MAP_RAMP = ("#e4e0d6", "#a9cbe3", "#5b93bd", "#0f3f66")  # low to high, four clearly different lightness steps

TRUST_BANDS = (0.5, 0.8)  # below the first: weak; below the second: fair; from there on: solid
SCORE_STEPS = (0.3, 0.6, 0.8)

_LABEL_LIMIT = 60
_BINS, _BAR_STEP, _BAR_WIDTH, _PLOT_HEIGHT, _AXIS_HEIGHT = 20, 12, 11, 40, 13
_MAP_SIZE, _CELL_SIZES = 416, (8, 10, 13, 16, 26, 32)
_LEGEND_STEP, _LEGEND_WIDTH, _LEGEND_HEIGHT = 70, 280, 20
_BLOCKS = " ▏▎▍▌▋▊▉█"


def histogram(
    values: ArrayLike,
    label: str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    bands: tuple[float, float] | None = TRUST_BANDS,
) -> str:
    """Distribution of `values` in 20 bars between `low` and `high`, under 1,000 characters, so drawn inline.

    NaN is left out and the label counts it as unknown; what lies outside the range stands in the end bars. A bar that
    counts anything is at least one pixel high. With `bands`, bars are coloured weak, fair, solid by their middle.
    Raises ValueError for an empty range or a label over 60 characters.
    """
    import numpy as np

    if not low < high:
        raise ValueError(f"a histogram needs low < high, got {low} and {high}")
    numbers = np.asarray(values, dtype=float).ravel()
    known = numbers[~np.isnan(numbers)]
    caption = _caption(label, known.size, numbers.size - known.size)
    if not known.size:
        return caption
    counts, edges = np.histogram(np.clip(known, low, high), bins=_BINS, range=(low, high))
    heights = np.maximum(np.rint(counts / counts.max() * _PLOT_HEIGHT).astype(int), np.sign(counts))
    middles = (edges[:-1] + edges[1:]) / 2
    paths: dict[str, str] = {}
    for position, (height, middle) in enumerate(zip(heights, middles, strict=True)):
        if height:
            colour = _band_colour(float(middle), bands)
            bar = f"M{position * _BAR_STEP} {_PLOT_HEIGHT}v-{height}h{_BAR_WIDTH}v{height}"
            paths[colour] = paths.get(colour, "") + bar
    bars = "".join(f'<path fill="{colour}" d="{path}"/>' for colour, path in paths.items())
    return _picture(_with_axis(bars, low, high), _BINS * _BAR_STEP, _PLOT_HEIGHT + _AXIS_HEIGHT, caption)


def grid_map(
    longitude: ArrayLike,
    latitude: ArrayLike,
    score: ArrayLike,
    label: str,
    *,
    steps: Sequence[float] = SCORE_STEPS,
) -> str:
    """Map of scores (higher is worse) as coloured cells of 8 pixels, each showing the worst score inside it.

    Longitude and latitude in degrees, equal lengths. Points without position or score are left out and counted as
    unknown in the caption. `steps` are three rising limits between the four colours. Under 20,000 characters whatever
    the number of points: cells grow until it fits. Raises ValueError for unequal lengths or another number of steps.
    """
    import numpy as np

    if len(steps) != len(MAP_RAMP) - 1 or list(steps) != sorted(steps):
        raise ValueError(f"a map needs {len(MAP_RAMP) - 1} rising steps, got {list(steps)}")
    lon, lat, value = (np.asarray(column, dtype=float).ravel() for column in (longitude, latitude, score))
    if not lon.size == lat.size == value.size:
        raise ValueError(f"longitude, latitude and score differ in length: {lon.size}, {lat.size}, {value.size}")
    known = np.isfinite(lon) & np.isfinite(lat) & ~np.isnan(value)
    caption = _caption(label, int(known.sum()), int((~known).sum()))
    if not known.any():
        return caption
    x, y, width, height = _on_paper(lon[known], lat[known])
    level = np.digitize(value[known], steps)
    for cell in _CELL_SIZES:
        base = height + cell
        drawing = _cells(x, y, level, cell) + _legend(steps, base)
        picture = _picture(drawing, max(width + cell, _LEGEND_WIDTH), base + _LEGEND_HEIGHT, caption)
        if len(picture) < EVENT_LIMIT:
            break
    return picture


def bar_table(rows: Iterable[tuple[str, float]], header: tuple[str, str], *, width: int = 12) -> str:
    """Markdown table of labels and numbers with a bar of block characters, in the given order.

    The longest bar is `width` characters, drawn to an eighth; anything above zero shows at least the thinnest bar.
    Rows that would lift the text to 1,000 characters are left out and counted in a last line. Raises ValueError for
    a number that is negative or not finite.
    """
    pairs = [(_cell_text(label), float(number)) for label, number in rows]
    for label, number in pairs:
        if not (math.isfinite(number) and number >= 0):
            raise ValueError(f"a bar needs a finite number of at least zero, {label!r} has {number}")
    lines = [f"| {_cell_text(header[0])} | {_cell_text(header[1])} | |", "|:--|--:|:--|"]
    most = max((number for _, number in pairs), default=0.0)
    room = INLINE_LIMIT - sum(len(line) + 1 for line in lines) - len(_left_out(len(pairs)))
    for shown, (label, number) in enumerate(pairs):
        line = f"| {label} | {_number(number)} | {_bar(number, most, width)} |"
        room -= len(line) + 1
        if room <= 0:
            return "\n".join([*lines, _left_out(len(pairs) - shown)])
        lines.append(line)
    return "\n".join(lines)


def _on_paper(
    lon: NDArray[np.float64], lat: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], int, int]:
    """Pixel positions with north up, degrees of longitude shortened as at the middle latitude, and the size used."""
    import numpy as np

    east = (lon - lon.min()) * math.cos(math.radians(float(lat.min() + lat.max()) / 2))
    south = lat.max() - lat
    scale = (_MAP_SIZE - 1) / max(float(east.max()), float(south.max()), 1e-9)
    x, y = east * scale, south * scale
    return x, y, int(np.ceil(x.max())), int(np.ceil(y.max()))


def _cells(x: NDArray[np.float64], y: NDArray[np.float64], level: NDArray[np.intp], cell: int) -> str:
    """One stroked path per colour; neighbouring cells of a row and colour are drawn as one stroke."""
    import numpy as np

    columns = _MAP_SIZE // cell + 1
    grid = np.full((columns, columns), -1)
    np.maximum.at(grid, ((y // cell).astype(int), (x // cell).astype(int)), level)
    paths = [""] * len(MAP_RAMP)
    for row, line in enumerate(grid.tolist()):
        start = 0
        for column in range(1, columns + 1):
            if column == columns or line[column] != line[start]:
                if line[start] >= 0:
                    paths[line[start]] += f"M{start * cell} {row * cell + cell // 2}h{(column - start) * cell}"
                start = column
    return "".join(
        f'<path stroke="{colour}" stroke-width="{cell}" shape-rendering="crispEdges" d="{path}"/>'
        for colour, path in zip(MAP_RAMP, paths, strict=True)
        if path
    )


def _legend(steps: Sequence[float], base: int) -> str:
    """Under the map: a swatch of each colour with the score from which it applies."""
    swatches = "".join(
        f'<path fill="{colour}" d="M{position * _LEGEND_STEP} {base + 6}h12v12h-12z"/>'
        for position, colour in enumerate(MAP_RAMP)
    )
    words = [f"below {steps[0]:g}", *(f"from {step:g}" for step in steps)]
    texts = "".join(
        f'<text x="{position * _LEGEND_STEP + 15}" y="{base + 16}">{word}</text>' for position, word in enumerate(words)
    )
    return f'{swatches}<g font-size="10" fill="#666">{texts}</g>'


def _band_colour(value: float, bands: tuple[float, float] | None) -> str:
    if bands is None:
        return NEUTRAL
    return WEAK if value < bands[0] else FAIR if value < bands[1] else SOLID


def _with_axis(bars: str, low: float, high: float) -> str:
    width, base = _BINS * _BAR_STEP, _PLOT_HEIGHT + _AXIS_HEIGHT - 2
    return (
        f'{bars}<path stroke="#999" d="M0 {_PLOT_HEIGHT}h{width}"/><g font-size="10" fill="#666">'
        f'<text y="{base}">{low:.4g}</text><text x="{width}" y="{base}" text-anchor="end">{high:.4g}</text></g>'
    )


def _picture(content: str, width: int, height: int, caption: str) -> str:
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{content}</svg>'
    return f"![{caption}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def _caption(label: str, known: int, unknown: int) -> str:
    if len(label) > _LABEL_LIMIT:
        raise ValueError(f"a picture's label has at most {_LABEL_LIMIT} characters, got {len(label)}")
    plain = "".join(" " if letter in "[]()\\\n\r" else letter for letter in label)
    return f"{plain}: {known:,} known" + (f", {unknown:,} unknown" if unknown else "")


def _cell_text(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _number(number: float) -> str:
    return f"{int(number):,}" if number == int(number) else f"{number:,.4g}"


def _bar(number: float, most: float, width: int) -> str:
    eighths = max(round(number / most * width * 8), 1) if number else 0
    return _BLOCKS[-1] * (eighths // 8) + _BLOCKS[eighths % 8].strip()


def _left_out(count: int) -> str:
    return f"| … and {count:,} more | | |"

"""Small pictures for run metadata: a histogram, a grid map and a table with bars, as Markdown text.

Belongs here: drawing numbers as hand-made SVG or block characters, within the size that the Dagster UI shows well.
Does not belong here: deciding what to draw (`defs`), maps for reports, anything interactive; pictures of estimates and
prices (`core/valuation_pictures`).

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
_BINS, _BAR_STEP, _PLOT_HEIGHT, _AXIS_HEIGHT = 20, 12, 40, 13
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
    text = caption(label, known.size, numbers.size - known.size)
    if not known.size:
        return text
    counts, _ = np.histogram(np.clip(known, low, high), bins=_BINS, range=(low, high))
    return _bars(counts.tolist(), text, low, high, bands)


def counted_histogram(
    counts: Sequence[int],
    label: str,
    *,
    low: float = 0.0,
    high: float = 1.0,
    unknown: int = 0,
    bands: tuple[float, float] | None = TRUST_BANDS,
) -> str:
    """The same picture of values that somebody else has counted: `counts` in equal bins from `low` to `high`.

    unknown: how many values are known not to be known. Raises ValueError without a bin, for more bins than pixels
    allow (20), and as `histogram` does.
    """
    if not (low < high and 0 < len(counts) <= _BINS):
        raise ValueError(f"a histogram needs low < high and 1 to {_BINS} bins, got {low}, {high} and {len(counts)}")
    text = caption(label, sum(counts), unknown)
    return _bars(counts, text, low, high, bands) if any(counts) else text


def _bars(counts: Sequence[int], text: str, low: float, high: float, bands: tuple[float, float] | None) -> str:
    step = _BINS * _BAR_STEP // len(counts)
    most = max(counts)
    paths: dict[str, str] = {}
    for position, count in enumerate(counts):
        if count:
            middle = low + (high - low) * (position + 0.5) / len(counts)
            height = max(round(count / most * _PLOT_HEIGHT), 1)
            bar = f"M{position * step} {_PLOT_HEIGHT}v-{height}h{step - 1}v{height}"
            colour = band_colour(middle, bands)
            paths[colour] = paths.get(colour, "") + bar
    bars = "".join(f'<path fill="{colour}" d="{path}"/>' for colour, path in paths.items())
    return svg_image(_with_axis(bars, low, high), _BINS * _BAR_STEP, _PLOT_HEIGHT + _AXIS_HEIGHT, text)


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
    text = caption(label, int(known.sum()), int((~known).sum()))
    if not known.any():
        return text
    x, y, width, height = _on_paper(lon[known], lat[known])
    level = np.digitize(value[known], steps)
    for cell in _CELL_SIZES:
        base = height + cell
        drawing = _cells(x, y, level, cell) + _legend(steps, base)
        picture = svg_image(drawing, max(width + cell, _LEGEND_WIDTH), base + _LEGEND_HEIGHT, text)
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


def markdown_table(rows: Iterable[Sequence[str]], header: Sequence[str]) -> str:
    """Markdown table of texts, the first column left, the others right, under 20,000 characters.

    Rows that would lift it above are left out and counted in a last line. Under 1,000 characters it is drawn inline.
    Raises ValueError for a row of another length than the header.
    """
    given = [[_cell_text(cell) for cell in row] for row in rows]
    if any(len(row) != len(header) for row in given):
        raise ValueError(f"every row of a table needs {len(header)} cells")
    lines = [f"| {' | '.join(map(_cell_text, header))} |", "|:--" + "|--:" * (len(header) - 1) + "|"]
    room = EVENT_LIMIT - sum(len(line) + 1 for line in lines) - len(_left_out(len(given)))
    for shown, row in enumerate(given):
        line = f"| {' | '.join(row)} |"
        room -= len(line) + 1
        if room <= 0:
            return "\n".join([*lines, _left_out(len(given) - shown)])
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


def band_colour(value: float, bands: tuple[float, float] | None) -> str:
    """The colour of a value between two limits: weak, fair or solid; neutral where no limits apply."""
    if bands is None:
        return NEUTRAL
    return WEAK if value < bands[0] else FAIR if value < bands[1] else SOLID


def _with_axis(bars: str, low: float, high: float) -> str:
    width, base = _BINS * _BAR_STEP, _PLOT_HEIGHT + _AXIS_HEIGHT - 2
    return (
        f'{bars}<path stroke="#999" d="M0 {_PLOT_HEIGHT}h{width}"/><g font-size="10" fill="#666">'
        f'<text y="{base}">{low:.4g}</text><text x="{width}" y="{base}" text-anchor="end">{high:.4g}</text></g>'
    )


def svg_image(content: str, width: int, height: int, text: str) -> str:
    """Markdown that shows an SVG of the given content and size in pixels; `text` is what is read in its place."""
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}">{content}</svg>'
    return f"![{text}](data:image/svg+xml;base64,{base64.b64encode(svg.encode()).decode()})"


def caption(label: str, known: int, unknown: int) -> str:
    """A label that cannot break out of Markdown, with how many values it stands for. Raises ValueError over 60
    letters.
    """
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

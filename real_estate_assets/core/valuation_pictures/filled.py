"""Which features are filled: one bar a feature.

Belongs here: the drawing. Does not belong here: counting, and why a feature is empty (the feature documents say so).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from real_estate_assets.core.pictures import SOLID, caption, svg_image
from real_estate_assets.core.valuation_pictures.paper import PICTURE_LIMIT, word, words

_COLUMN, _ROW, _NAME, _BAR = 290, 14, 150, 84
_LONGEST = 26  # letters of a name


def feature_coverage(shares: Sequence[tuple[str, float]], label: str) -> str:
    """Share of rows in which each feature has a value: bars in two columns, then the names of those that have none.

    shares: (feature, share from 0 to 1), drawn in the order given. Under 8,000 characters; features that do not fit are
    counted in a last line. Raises ValueError for a share outside 0 to 1 or a label over 60 letters.
    """
    if any(not 0 <= share <= 1 for _, share in shares):
        wrong = next(name for name, share in shares if not 0 <= share <= 1)
        raise ValueError(f"a share lies between 0 and 1, {wrong!r} has another")
    filled = [(name, share) for name, share in shares if share > 0]
    empty = [name for name, share in shares if share == 0]
    text = caption(label, len(filled), len(empty))
    if not shares:
        return text
    for shown in range(len(filled), -1, -1):
        picture = _picture(filled[:shown], empty, len(filled) - shown, text)
        if len(picture) < PICTURE_LIMIT:
            break
    return picture


def _picture(filled: Sequence[tuple[str, float]], empty: Sequence[str], left_out: int, text: str) -> str:
    rows = math.ceil(len(filled) / 2)
    bars, track, texts = "", "", ""
    for place, (name, share) in enumerate(filled):
        x, y = place // max(rows, 1) * _COLUMN, place % max(rows, 1) * _ROW + 9
        track += f"M{x + _NAME} {y}h{_BAR}"
        bars += f"M{x + _NAME} {y}h{max(round(share * _BAR), 1)}"
        texts += word(x + _NAME - 6, y + 3.5, _short(name), "end")
        texts += word(x + _NAME + _BAR + 5, y + 3.5, _percent(share))
    lines = _empty_lines(empty)
    if left_out:
        lines.append(f"and {left_out} more features with values")
    base = rows * _ROW + 8
    said = "".join(word(0, base + 12 * number + 10, line) for number, line in enumerate(lines))
    drawn = (
        f'<path stroke="#8883" stroke-width="8" d="{track}"/><path stroke="{SOLID}" stroke-width="8" d="{bars}"/>'
        if filled
        else ""
    )
    return svg_image(drawn + words(texts + said), 2 * _COLUMN, base + 12 * len(lines) + 6, text)


def _empty_lines(empty: Sequence[str]) -> list[str]:
    """Names of empty features, as many to a line as the width holds."""
    if not empty:
        return []
    lines, line = [], f"without any value ({len(empty)}):"
    for number, name in enumerate(empty):
        piece = f" {_short(name)}" + ("," if number < len(empty) - 1 else "")
        if len(line) + len(piece) > 108:
            lines.append(line)
            line = ""
        line += piece
    return [*lines, line]


def _percent(share: float) -> str:
    """Never 100 % where one value is missing, never 0 % where one is there."""
    if share == 1:
        return "100 %"
    return (
        f"{min(max(round(share * 100), 1), 99)} %" if 0.005 <= share <= 0.995 else (">99 %" if share > 0.5 else "<1 %")
    )


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"

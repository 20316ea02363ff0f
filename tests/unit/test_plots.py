"""Plots about trust: every number stands where it belongs, the text stays small, and nothing is drawn of nothing."""

from __future__ import annotations

import base64
import math
import re
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from real_estate_assets.core.pictures import (
    EVENT_LIMIT,
    FAIR,
    INLINE_LIMIT,
    SOLID,
    WEAK,
    counted_histogram,
    histogram,
    markdown_table,
)
from real_estate_assets.core.plots import SIDE, ReliabilityBin, blocks, reliability_diagram, trend

SVG = "{http://www.w3.org/2000/svg}"
SHARES = st.floats(0, 1)
BINS = st.builds(ReliabilityBin, st.integers(0, 10**8), SHARES, SHARES)


def paths(markdown: str) -> list[dict[str, str]]:
    """Attributes of the paths of a picture; fails where it is not well-formed."""
    match = re.fullmatch(r"!\[[^\]]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert match, markdown[:80]
    return [dict(path.attrib) for path in ET.fromstring(base64.b64decode(match.group(1))).iter(f"{SVG}path")]


def dots(markdown: str) -> set[tuple[int, int, str]]:
    """Dots of a reliability diagram: (predicted, measured) in pixels from the origin, and colour."""
    return {
        (int(x), SIDE - int(y), path["stroke"])
        for path in paths(markdown)
        if "stroke-width" in path
        for x, y in re.findall(r"M(\d+) (\d+)h0", path["d"])
    }


def test_a_dot_stands_at_its_prediction_and_its_measurement_in_its_bands_colour() -> None:
    bins = [ReliabilityBin(10, 0.1, 0.3), ReliabilityBin(500, 0.6, 0.5), ReliabilityBin(20_000, 0.9, 1.0)]
    picture = reliability_diagram(bins, "held out")
    assert dots(picture) == {(13, 39, WEAK), (78, 65, FAIR), (117, 130, SOLID)}
    assert "held out: 20,510 known" in picture
    assert len({path["stroke-width"] for path in paths(picture) if "stroke-width" in path}) == 3, "three sizes"


@given(st.lists(BINS, max_size=12))
def test_a_diagram_is_drawn_inline_and_shows_every_bin_that_has_cells(bins: list[ReliabilityBin]) -> None:
    picture = reliability_diagram(bins, "x" * 60)
    assert len(picture) < INLINE_LIMIT + 400, "12 different dots of 9 kinds are the most there can be"
    if any(one.n for one in bins):
        expected = {(round(one.predicted * SIDE), round(one.measured * SIDE)) for one in bins if one.n}
        assert {(x, y) for x, y, _ in dots(picture)} <= {
            (x + dx, y + dy) for x, y in expected for dx in (-1, 0, 1) for dy in (-1, 0, 1)
        }
    else:
        assert "svg" not in picture


@pytest.mark.parametrize(
    "wrong", [[ReliabilityBin(1, 1.2, 0.5)], [ReliabilityBin(1, 0.5, -0.1)], [ReliabilityBin(1, 0, 0)] * 13]
)
def test_a_diagram_of_impossible_shares_is_refused(wrong: list[ReliabilityBin]) -> None:
    with pytest.raises(ValueError, match="at most 12 bins"):
        reliability_diagram(wrong, "held out")


def test_a_trend_rises_where_the_mean_rises_and_breaks_where_it_is_unknown() -> None:
    mean, low = (
        path["d"] for path in paths(trend([0.5, 1.0, math.nan, 0.0], [0.25] * 4, "by build")) if "stroke-width" in path
    )
    assert mean == "M6 20h0L18 0M42 40h0"
    assert low == "M6 30h0L18 30L30 30L42 30"


@given(st.lists(st.tuples(SHARES, SHARES), max_size=40))
def test_a_trend_is_drawn_inline_whatever_happened(builds: list[tuple[float, float]]) -> None:
    picture = trend([mean for mean, _ in builds], [low for _, low in builds], "x" * 60)
    assert len(picture) < EVENT_LIMIT / 10
    assert ("svg" in picture) == bool(builds)


def test_a_trend_needs_both_lines() -> None:
    with pytest.raises(ValueError, match="as many means as shares, got 2 and 1"):
        trend([0.1, 0.2], [0.1], "by build")


@given(st.lists(st.integers(0, 10**9), max_size=20))
def test_blocks_rank_as_the_counts_do(counts: list[int]) -> None:
    drawn = blocks(counts)
    assert len(drawn) == (len(counts) if any(counts) else 0)
    for count, block in zip(counts, drawn, strict=False):
        assert (block == "·") == (count == 0)
        assert (block == "█") <= (count * 8 > max(counts) * 7)


@given(st.lists(st.integers(0, 19), min_size=1, max_size=200))
def test_a_histogram_of_counts_is_that_of_its_values(bins: list[int]) -> None:
    values = [(one + 0.5) / 20 for one in bins]
    assert counted_histogram([bins.count(one) for one in range(20)], "trust") == histogram(values, "trust")


@pytest.mark.parametrize("counts", [[], [1] * 21])
def test_a_histogram_needs_bins_that_can_be_drawn(counts: list[int]) -> None:
    with pytest.raises(ValueError, match="1 to 20 bins"):
        counted_histogram(counts, "trust")


def test_a_table_keeps_its_cells_apart_and_its_size() -> None:
    assert markdown_table([("a|b", "1")], ("name", "n")) == "| name | n |\n|:--|--:|\n| a\\|b | 1 |"
    long = markdown_table([("field" * 5, str(n)) for n in range(2_000)], ("name", "n"))
    assert EVENT_LIMIT - 100 < len(long) <= EVENT_LIMIT
    left_out = int(re.search(r"… and ([\d,]+) more", long.splitlines()[-1]).group(1).replace(",", ""))  # type: ignore[union-attr]
    assert left_out == 2_000 - (len(long.splitlines()) - 3)
    with pytest.raises(ValueError, match="needs 2 cells"):
        markdown_table([("a",)], ("name", "n"))

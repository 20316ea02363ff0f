"""Pictures for run metadata: small, deterministic, well-formed, and true to the numbers they draw."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from real_estate_assets.core.pictures import (
    EVENT_LIMIT,
    FAIR,
    INLINE_LIMIT,
    MAP_RAMP,
    NEUTRAL,
    SOLID,
    WEAK,
    bar_table,
    grid_map,
    histogram,
)

SVG = "{http://www.w3.org/2000/svg}"


def drawing(markdown: str) -> ET.Element:
    """The SVG inside a Markdown image; fails where it is not well-formed."""
    match = re.fullmatch(r"!\[[^\]]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert match, markdown[:80]
    root = ET.fromstring(base64.b64decode(match.group(1)))
    assert root.tag == f"{SVG}svg"
    return root


def bars(markdown: str) -> dict[int, tuple[str, int]]:
    """Bars of a histogram: bin -> (colour, height)."""
    found = {}
    for path in drawing(markdown).iter(f"{SVG}path"):
        if colour := path.get("fill"):
            for x, height in re.findall(r"M(\d+) 40v-(\d+)h11v\2", path.attrib["d"]):
                found[int(x) // 12] = (colour, int(height))
    return found


def cells(markdown: str) -> dict[tuple[int, int], int]:
    """Cells of a map: (column, row) -> level 0..3."""
    found = {}
    for path in drawing(markdown).iter(f"{SVG}path"):
        if colour := path.get("stroke"):
            size = int(path.attrib["stroke-width"])
            for x, y, length in re.findall(r"M(\d+) (\d+)h(\d+)", path.attrib["d"]):
                for column in range(int(x) // size, (int(x) + int(length)) // size):
                    cell = (column, int(y) // size)
                    assert cell not in found, "a cell is drawn twice"
                    found[cell] = MAP_RAMP.index(colour)
    return found


class TestHistogram:
    def test_bars_stand_where_the_values_are_and_are_as_high_as_they_are_many(self) -> None:
        picture = histogram([0.01] * 10 + [0.62] * 40 + [0.99] * 20, "trust")
        assert bars(picture) == {0: (WEAK, 10), 12: (FAIR, 40), 19: (SOLID, 20)}

    def test_bands_begin_at_their_limit(self) -> None:
        assert bars(histogram([0.49, 0.5, 0.79, 0.8], "trust")) == {
            9: (WEAK, 40),
            10: (FAIR, 40),
            15: (FAIR, 40),
            16: (SOLID, 40),
        }

    def test_a_single_value_among_many_is_still_seen(self) -> None:
        assert bars(histogram([0.99] * 100_000 + [0.11], "trust"))[2] == (WEAK, 1)

    def test_values_outside_the_range_stand_in_the_end_bars(self) -> None:
        picture = histogram([-5, 100, 100], "price", low=0, high=10, bands=None)
        assert bars(picture) == {0: (NEUTRAL, 20), 19: (NEUTRAL, 40)}

    def test_unknown_is_said_not_drawn(self) -> None:
        picture = histogram([0.9, float("nan"), float("nan")], "trust")
        assert picture.startswith("![trust: 1 known, 2 unknown]")
        assert sum(height for _, height in bars(picture).values()) == 40

    def test_nothing_known_is_plain_words(self) -> None:
        assert histogram([float("nan")], "trust") == "trust: 0 known, 1 unknown"
        assert histogram([], "trust") == "trust: 0 known"

    def test_says_its_range(self) -> None:
        texts = [text.text for text in drawing(histogram([3], "storeys", low=1, high=40.5)).iter(f"{SVG}text")]
        assert texts == ["1", "40.5"]

    @settings(max_examples=200)
    @given(
        hnp.arrays(float, st.integers(0, 300), elements=st.floats(-1e9, 1e9) | st.just(float("nan"))),
        st.floats(-1e6, 0),
        st.floats(1, 1e9),
    )
    def test_always_fits_inline_and_is_well_formed(self, values: np.ndarray, low: float, high: float) -> None:
        picture = histogram(values, "x" * 60, low=low, high=high, bands=(high / 3, high / 2))
        assert len(picture) < INLINE_LIMIT
        if np.isfinite(values).any():
            assert len(bars(picture)) >= 1

    def test_the_longest_possible_one_fits(self) -> None:
        full = np.repeat(np.linspace(-123456.7, 1234567.8, 41)[1::2], 50_000)
        unknown = np.full(1_000_000, np.nan)
        picture = histogram(np.concatenate([full, unknown]), "x" * 60, low=-123456.7, high=1234567.8, bands=(1e5, 1e6))
        assert len(bars(picture)) == 20
        assert len(picture) < INLINE_LIMIT

    def test_refuses_an_empty_range_and_a_long_label(self) -> None:
        with pytest.raises(ValueError, match="low < high"):
            histogram([1], "x", low=1, high=1)
        with pytest.raises(ValueError, match="at most 60"):
            histogram([1], "x" * 61)

    def test_a_label_cannot_break_out_of_the_picture(self) -> None:
        drawing(histogram([0.5], "trust](http://x) [\n"))


class TestGridMap:
    def test_north_is_up_and_each_colour_is_its_score(self) -> None:
        found = cells(grid_map([0, 1, 0, 1], [0, 0, 1, 1], [0.1, 0.4, 0.7, 0.9], "flood"))
        left, right = min(c for c, _ in found), max(c for c, _ in found)
        top, bottom = min(r for _, r in found), max(r for _, r in found)
        assert found == {(left, bottom): 0, (right, bottom): 1, (left, top): 2, (right, top): 3}

    def test_the_worst_score_of_a_cell_wins(self) -> None:
        here, there = [10.0] * 5, [11.0]
        found = cells(grid_map(here + there, here + there, [0.1, 0.2, 0.95, 0.1, 0.0, 0.1], "flood"))
        assert sorted(found.values()) == [0, 3]

    def test_a_degree_of_longitude_is_shorter_than_one_of_latitude(self) -> None:
        root = drawing(grid_map([0, 1, 0], [60, 60, 61], [1, 1, 1], "flood"))
        found = cells(grid_map([0, 1, 0], [60, 60, 61], [1, 1, 1], "flood"))
        assert max(row for _, row in found) == pytest.approx(2 * max(column for column, _ in found), abs=2)
        assert int(root.attrib["height"]) > int(root.attrib["width"])

    def test_points_without_position_or_score_are_counted_as_unknown(self) -> None:
        nan = float("nan")
        picture = grid_map([0, nan, 1, 1], [0, 1, nan, 1], [0.1, 0.9, 0.9, nan], "flood")
        assert picture.startswith("![flood: 1 known, 3 unknown]")
        assert list(cells(picture).values()) == [0]
        assert grid_map([nan], [1], [1], "flood") == "flood: 0 known, 1 unknown"

    def test_one_place_only(self) -> None:
        assert cells(grid_map([5, 5], [5, 5], [0.9, 0.1], "flood")) == {(0, 0): 3}

    @pytest.mark.parametrize("points", [10, 3_000, 100_000])
    def test_fits_the_event_whatever_the_number_of_points(self, points: int) -> None:
        random = np.random.default_rng(7)
        lon, lat, score = random.random((3, points))
        picture = grid_map(lon, lat, score, "x" * 60)
        assert len(picture) < EVENT_LIMIT
        assert len(cells(picture)) >= 10

    def test_a_checkerboard_the_worst_case_grows_its_cells_until_it_fits(self) -> None:
        lon, lat = (axis.ravel() for axis in np.meshgrid(np.arange(52), np.arange(52)))
        picture = grid_map(lon, lat, (lon + lat) % 2, "worst")
        assert len(picture) < EVENT_LIMIT
        assert len(cells(picture)) > 500

    def test_legend_names_the_steps(self) -> None:
        texts = [t.text for t in drawing(grid_map([0, 1], [0, 1], [0, 1], "x", steps=(1, 2, 3.5))).iter(f"{SVG}text")]
        assert texts == ["below 1", "from 1", "from 2", "from 3.5"]

    def test_equal_numbers_give_equal_text_in_any_order(self) -> None:
        random = np.random.default_rng(7)
        lon, lat, score = random.random((3, 500))
        order = random.permutation(500)
        assert grid_map(lon, lat, score, "x") == grid_map(lon[order], lat[order], score[order], "x")

    def test_refuses_unequal_lengths_and_unordered_steps(self) -> None:
        with pytest.raises(ValueError, match="differ in length"):
            grid_map([0], [0, 1], [0], "x")
        with pytest.raises(ValueError, match="rising steps"):
            grid_map([0], [0], [0], "x", steps=(0.5, 0.1, 0.9))


class TestBarTable:
    def test_bars_are_in_proportion_to_an_eighth(self) -> None:
        table = bar_table([("CONDO", 1_600), ("HOUSE", 850), ("none", 0)], ("use", "rows"), width=10)
        assert table.splitlines() == [
            "| use | rows | |",
            "|:--|--:|:--|",
            "| CONDO | 1,600 | ██████████ |",
            "| HOUSE | 850 | █████▎ |",
            "| none | 0 |  |",
        ]

    def test_little_is_not_nothing(self) -> None:
        assert "| b | 1 | ▏ |" in bar_table([("a", 1_000_000), ("b", 1)], ("x", "y"))

    def test_a_pipe_or_a_line_break_stays_inside_its_cell(self) -> None:
        assert bar_table([("a | b\nc", 1)], ("x", "y"), width=1).splitlines()[2] == "| a \\| b c | 1 | █ |"

    def test_long_tables_stay_inline_and_say_what_is_left_out(self) -> None:
        table = bar_table([(f"use code {number}", number) for number in range(500)], ("use", "rows"))
        assert len(table) < INLINE_LIMIT
        shown = len(table.splitlines()) - 3
        assert table.splitlines()[-1] == f"| … and {500 - shown} more | | |"
        assert shown > 10

    @given(st.lists(st.tuples(st.text(max_size=300), st.floats(0, 1e12)), max_size=30))
    def test_always_fits_inline(self, rows: list[tuple[str, float]]) -> None:
        assert len(bar_table(rows, ("x", "y"))) < INLINE_LIMIT

    @pytest.mark.parametrize("number", [-1, float("nan"), float("inf")])
    def test_refuses_what_has_no_bar(self, number: float) -> None:
        with pytest.raises(ValueError, match="'a' has"):
            bar_table([("a", number)], ("x", "y"))

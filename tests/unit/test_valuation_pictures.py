"""Pictures of estimates and prices: well-formed, small, deterministic, and true to the numbers they draw."""

from __future__ import annotations

import base64
import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from real_estate_assets.core.pictures import FAIR, INLINE_LIMIT, SOLID, WEAK
from real_estate_assets.core.valuation_pictures import (
    coverage_by_tercile,
    error_by_price_decile,
    error_map,
    feature_coverage,
    predicted_against_actual,
    ratio_histogram,
)
from real_estate_assets.core.valuation_pictures.closeness import DENSITY
from real_estate_assets.core.valuation_pictures.paper import PICTURE_LIMIT, money, money_ticks
from real_estate_assets.core.valuation_pictures.places import ERRORS

SVG = "{http://www.w3.org/2000/svg}"
NAN = float("nan")


def drawing(markdown: str) -> ET.Element:
    """The SVG inside a Markdown image; fails where it is not well-formed."""
    match = re.fullmatch(r"!\[[^\]]*\]\(data:image/svg\+xml;base64,([A-Za-z0-9+/=]+)\)", markdown)
    assert match, markdown[:80]
    return ET.fromstring(base64.b64decode(match.group(1)))


def paths(markdown: str, colour: str, attribute: str = "stroke") -> str:
    """All path data of one colour."""
    found = drawing(markdown).iter(f"{SVG}path")
    return " ".join(path.attrib["d"] for path in found if path.get(attribute) == colour)


def texts(markdown: str) -> list[str]:
    return [one.text or "" for one in drawing(markdown).iter(f"{SVG}text")]


def dots(markdown: str, colour: str) -> list[tuple[int, int]]:
    return [(int(x), int(y)) for x, y in re.findall(r"M(\d+) (\d+)h0", paths(markdown, colour))]


def squares(markdown: str, colours: tuple[str, ...]) -> dict[tuple[int, int], int]:
    """Column and row in the picture's own units of cells -> colour number."""
    found = {}
    for path in drawing(markdown).iter(f"{SVG}path"):
        if path.get("stroke") in colours and path.get("shape-rendering"):
            side = int(path.attrib["stroke-width"])
            for x, y, length in re.findall(r"M(\d+) ([\d.]+)h(\d+)", path.attrib["d"]):
                for column in range(int(x), int(x) + int(length), side):
                    place = (column // side, int((float(y) - side / 2) // side))
                    assert place not in found, "a square is drawn twice"
                    found[place] = colours.index(path.attrib["stroke"])
    return found


def market(count: int, seed: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Prices, and estimates that miss them by about 12 %."""
    generator = np.random.default_rng(seed)
    sold = np.exp(generator.normal(13, 0.5, count))
    return sold, sold * np.exp(generator.normal(0, 0.12, count))


class TestPredictedAgainstActual:
    def test_an_estimate_above_the_price_lies_above_the_diagonal(self) -> None:
        sold = np.geomspace(1e5, 1e6, 30)
        for factor, is_above in ((1.5, True), (1 / 1.5, False)):
            found = squares(predicted_against_actual(sold, sold * factor, "x"), DENSITY)
            # Row 0 is the top: above the diagonal, column + row is less than the number of columns.
            across = 320 // 8
            offset = [column - 46 // 8 + row - 1 - (across - 1) for column, row in found]
            assert all((one < 0) == is_above for one in offset), (factor, offset)

    def test_more_sales_are_darker_and_all_are_counted(self) -> None:
        picture = predicted_against_actual([1e5] * 90 + [1e6] * 2, [1e5] * 90 + [1e6] * 2, "x")
        assert sorted(squares(picture, DENSITY).values()) == [0, 3]
        assert picture.startswith("![x: 92 known]")

    def test_says_what_is_unknown_and_what_lies_outside(self) -> None:
        sold, estimate = market(2_000)
        picture = predicted_against_actual([*sold, 1, NAN, 0], [*estimate, 400_000, 1e5, 1e5], "x")
        assert picture.startswith("![x: 2,001 known, 2 unknown]")
        assert any(re.fullmatch(r"\d+ outside the frame", text) for text in texts(picture))
        assert predicted_against_actual([NAN], [1], "x") == "x: 0 known, 1 unknown"
        with pytest.raises(ValueError, match="2 prices and 1 estimates"):
            predicted_against_actual([1, 2], [1], "x")

    @pytest.mark.parametrize("count", [1, 226, 20_000])
    def test_stays_small_and_is_the_same_every_time(self, count: int) -> None:
        sold, estimate = market(count)
        picture = predicted_against_actual(sold, estimate, "x" * 60)
        assert len(picture) < PICTURE_LIMIT
        assert picture == predicted_against_actual(sold, estimate, "x" * 60)
        drawing(picture)


class TestRatioHistogram:
    def test_colours_are_distances_from_the_price(self) -> None:
        picture = ratio_histogram([100] * 6, [101, 101, 115, 85, 60, 140], "x")
        bars = {colour: re.findall(r"V(\d+)h7", paths(picture, colour, "fill")) for colour in (SOLID, FAIR, WEAK)}
        heights = {colour: sorted(56 - int(top) for top in tops if int(top) < 56) for colour, tops in bars.items()}
        assert heights == {SOLID: [56], FAIR: [28, 28], WEAK: [28, 28]}
        assert sum(len(tops) for tops in bars.values()) == 40
        assert "median 1.010" in texts(picture)

    def test_far_ratios_stand_in_the_end_bars(self) -> None:
        picture = ratio_histogram([100, 100], [1, 100_000], "x")
        steps = re.findall(r"V(\d+)h7", paths(picture, WEAK, "fill"))
        assert (steps[0], steps[-1], steps.count("56")) == ("0", "0", 22)

    def test_nothing_known_is_plain_words(self) -> None:
        assert ratio_histogram([], [], "x") == "x: 0 known"


class TestErrorByPriceDecile:
    def test_a_dot_is_the_median_error_of_its_tenth(self) -> None:
        sold = np.repeat(np.geomspace(1e5, 1e7, 10), 7)
        factor = np.repeat([1.15, *[1.0] * 8, 0.9], 7)
        picture = error_by_price_decile(sold, sold * factor, "x")
        assert dots(picture, WEAK) == [(46, round((1 - 0.15 / 0.2) * 48)), (271, round((1 + 0.1 / 0.2) * 48))]
        assert [y for _, y in dots(picture, SOLID)] == [48] * 8
        assert texts(picture)[:2] == ["+20%", "−20%"]

    def test_the_axis_grows_with_the_errors(self) -> None:
        sold, _ = market(400)
        assert texts(error_by_price_decile(sold, sold * 1.44, "x"))[0] == "+50%"

    def test_too_few_pairs_are_words(self) -> None:
        assert error_by_price_decile([1e5] * 19, [1e5] * 19, "x") == "x: 19 known"


class TestCoverageByTercile:
    def test_shares_of_all_and_of_each_tercile(self) -> None:
        covered = [True] * 90 + [False] * 10 + [True] * 80 + [False] * 20 + [True] * 99 + [False]
        picture = coverage_by_tercile(covered, [1] * 100 + [2] * 100 + [3] * 100, "x")
        assert texts(picture)[:4] == ["all 89.7%", "low 90.0%", "middle 80.0%", "high 99.0%"]
        assert [y for _, y in dots(picture, SOLID)] == [9, 27]  # all and low keep the promise
        assert [y for _, y in dots(picture, WEAK)] == [45, 63]

    def test_low_coverage_moves_the_axis_and_an_empty_tercile_has_no_row(self) -> None:
        picture = coverage_by_tercile([True, False] * 50, [1, 3] * 50, "x")
        assert texts(picture)[:3] == ["all 50.0%", "low 100.0%", "high 0.0%"]
        assert "0%" in texts(picture)

    def test_refuses_what_is_no_tercile(self) -> None:
        with pytest.raises(ValueError, match="one tercile"):
            coverage_by_tercile([True], [0], "x")
        with pytest.raises(ValueError, match="one tercile"):
            coverage_by_tercile([True], [], "x")
        assert coverage_by_tercile([], [], "x") == "x: 0 known"


class TestErrorMap:
    def test_colours_are_the_median_error_and_north_is_up(self) -> None:
        lon = np.repeat([0.0, 1.0, 0.0, 1.0], 9)
        lat = np.repeat([0.0, 0.0, 1.0, 1.0], 9)
        factor = np.repeat([0.8, 0.95, 1.0, 1.3], 9)
        factor[0] = 9  # one wild estimate does not turn a cell
        found = squares(error_map(lon, lat, [1e5] * 36, 1e5 * factor, "x"), ERRORS)
        (left, right), (top, bottom) = (sorted({place[axis] for place in found}) for axis in (0, 1))
        assert found == {(left, bottom): 0, (right, bottom): 1, (left, top): 2, (right, top): 4}

    def test_few_sales_are_dots(self) -> None:
        picture = error_map([0] * 5 + [1, 1], [0] * 5 + [1, 1], [1] * 7, [1] * 7, "x")
        assert len(squares(picture, ERRORS)) == 1
        assert len(dots(picture, "#aaa")) == 1

    def test_places_and_prices_that_are_missing_are_counted(self) -> None:
        picture = error_map([0, NAN, 0, 0], [0, 0, NAN, 0], [1, 1, 1, NAN], [1, 1, 1, 1], "x")
        assert picture.startswith("![x: 1 known, 3 unknown]")
        assert error_map([NAN], [1], [1], [1], "x") == "x: 0 known, 1 unknown"
        with pytest.raises(ValueError, match="1 longitudes, 1 latitudes and 2 prices"):
            error_map([0], [0], [1, 2], [1, 2], "x")

    def test_one_far_place_does_not_shrink_the_map(self) -> None:
        generator = np.random.default_rng(1)
        lon, lat = generator.uniform(-122, -121.8, 2_000), generator.uniform(47, 47.2, 2_000)
        sold, estimate = market(2_000)
        lon[0] = 10.0
        assert len(squares(error_map(lon, lat, sold, estimate, "x"), ERRORS)) > 100

    @pytest.mark.parametrize("count", [1, 300, 20_000])
    def test_stays_small(self, count: int) -> None:
        generator = np.random.default_rng(count)
        sold, estimate = market(count)
        picture = error_map(generator.normal(-122, 1, count), generator.normal(47, 1, count), sold, estimate, "x" * 60)
        assert len(picture) < PICTURE_LIMIT
        drawing(picture)


class TestFeatureCoverage:
    def test_bars_are_as_long_as_the_shares_and_empty_ones_are_named(self) -> None:
        picture = feature_coverage([("lot", 0.5), ("pool", 0), ("beds", 1.0), ("attic", 0)], "Features")
        assert re.findall(r"h(\d+)", paths(picture, SOLID)) == ["42", "84"]
        assert texts(picture) == ["lot", "50 %", "beds", "100 %", "without any value (2): pool, attic"]
        assert picture.startswith("![Features: 2 known, 2 unknown]")

    def test_nearly_all_is_not_all_and_hardly_any_is_not_none(self) -> None:
        assert texts(feature_coverage([("a", 0.9999), ("b", 0.0001)], "x"))[1::2] == [">99 %", "<1 %"]

    def test_many_features_stay_small_and_are_counted(self) -> None:
        many = [(f"a_feature_with_a_long_name_{number}", 0.5) for number in range(200)]
        picture = feature_coverage(many, "x")
        assert len(picture) < PICTURE_LIMIT
        left = re.fullmatch(r"and (\d+) more features with values", texts(picture)[-1])
        assert left
        assert int(left.group(1)) + len(texts(picture)) // 2 == 200

    def test_refuses_what_is_no_share_and_draws_nothing_of_nothing(self) -> None:
        with pytest.raises(ValueError, match="'beds' has another"):
            feature_coverage([("lot", 0.5), ("beds", 54.0)], "x")
        assert feature_coverage([], "x") == "x: 0 known"
        assert "<" not in texts(feature_coverage([("a<b>&", 0.0)], "x"))[0].replace("a<b>&", "")


class TestInline:
    """The three small pictures are drawn without a click whatever the numbers, the label and the unknowns are."""

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(st.tuples(st.floats(1, 1e9), st.floats(1, 1e9)), min_size=20, max_size=300),
        st.sampled_from([0, 1_000_000]),
    )
    def test_prices(self, pairs: list[tuple[float, float]], unknown: int) -> None:
        sold, estimate = (np.append(side, np.full(unknown, NAN)) for side in zip(*pairs, strict=True))
        for picture in (
            ratio_histogram(sold, estimate, "x" * 60),
            error_by_price_decile(sold, estimate, "x" * 60),
        ):
            assert len(picture) < INLINE_LIMIT
            drawing(picture)

    @settings(max_examples=40, deadline=None)
    @given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), min_size=1, max_size=300))
    def test_coverage(self, sales: list[tuple[bool, int]]) -> None:
        picture = coverage_by_tercile(*zip(*sales, strict=True), "x" * 60)
        assert len(picture) < INLINE_LIMIT
        drawing(picture)


@pytest.mark.parametrize(
    ("dollars", "text"), [(850, "$850"), (50_000, "$50k"), (999_990, "$1M"), (1_250_000, "$1.25M"), (2e9, "$2B")]
)
def test_money(dollars: float, text: str) -> None:
    assert money(dollars) == text


@given(st.floats(1, 1e8), st.floats(1.01, 1e6))
def test_ticks_lie_in_between_and_are_few(low: float, factor: float) -> None:
    ticks = money_ticks(low, low * factor)
    assert len(ticks) <= 6
    assert all(low <= tick <= low * factor for tick in ticks)
    assert ticks == sorted(ticks)

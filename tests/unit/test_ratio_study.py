"""The ratio study: equal to published tables, true to its definitions, and refusing what no study can be made of."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from benchmarks.gates import valuation_ratio_study
from real_estate_assets.core.ratio_study import RatioStudy, RatioStudyError, ratio_study
from real_estate_assets.core.ratio_study.intervals import bootstrap_intervals, median_interval, share_interval
from real_estate_assets.core.ratio_study.sample import sample
from real_estate_assets.core.ratio_study.study import FIGURES, _statistics
from real_estate_assets.core.ratio_study.vertical_equity import group_count, group_ends

# The 54 sales of section 6.1, table 1, of the IAAO's exposure draft of May 2026: estimates, prices, in thousands.
DRAFT_ESTIMATES = [
    240, 144, 392, 199.2, 340.8, 472, 336, 284.8, 436, 191.2, 225, 194, 481.6, 338.4, 164.8, 252.8, 945, 280, 407, 423,
    306.8, 236.8, 361, 290.4, 235.2, 415, 381, 380, 875, 680, 329, 457, 516, 295.2, 580, 840, 640, 660, 354, 800, 390,
    800, 469, 1000, 920, 527, 800, 786, 496, 1000, 320, 960, 952, 327.2,
]  # fmt: skip
DRAFT_PRICES = [
    690, 296.25, 787.5, 372, 574.5, 795, 559.5, 465, 693.6, 298.5, 350, 295, 732, 495, 237, 352.5, 1289, 379, 540, 560,
    390, 300, 450, 345, 277.5, 485, 442, 435, 998, 772.5, 365, 487, 547.5, 300, 580, 840, 622.5, 637.5, 340, 750, 352.5,
    705, 410, 859.5, 787.5, 440, 648, 630, 388.5, 765, 243.75, 720, 705, 240,
]  # fmt: skip
DOLLARS = st.floats(1_000, 1e8)
PAIRS = st.lists(st.tuples(DOLLARS, DOLLARS), min_size=2, max_size=60)


def made(count: int, seed: int = 1, spread: float = 0.12) -> tuple[np.ndarray, np.ndarray]:
    """Prices around 440,000 and estimates that miss them by a symmetric error."""
    generator = np.random.default_rng(seed)
    sold = np.exp(generator.normal(13, 0.5, count))
    return sold * np.exp(generator.normal(0, spread, count)), sold


def of_table(folder: Path, name: str) -> RatioStudy:
    with (folder / "ratio_study" / name).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return ratio_study([float(row["estimate"]) for row in rows], [float(row["sale_price"]) for row in rows])


class TestPublishedTables:
    @pytest.mark.parametrize(
        ("table", "count", "cod", "prd", "prb"),
        [
            ("iaao_table_1_1.csv", 36, 29.8177, 0.9833, 0.2323),
            ("iaao_table_d_1.csv", 25, 7.5074, 1.0269, -0.1198),
        ],
    )
    def test_equals_the_standards_tables(
        self, test_data: Path, table: str, count: int, cod: float, prd: float, prb: float
    ) -> None:
        study = of_table(test_data, table)
        assert (study.n, round(study.cod, 4), round(study.prd, 4), round(study.prb or 0, 4)) == (count, cod, prd, prb)

    def test_equals_the_drafts_vertical_equity_example(self) -> None:
        study = ratio_study(DRAFT_ESTIMATES, DRAFT_PRICES)
        equity = study.vertical_equity
        assert equity is not None
        assert (study.n, round(study.median_ratio, 4), round(equity.vei, 2)) == (54, 0.8678, 48.53)
        assert equity.significance == pytest.approx(17.57, abs=0.006)  # printed from rounded parts
        first, last = equity.groups[0], equity.groups[-1]
        assert (first.n, round(first.median_ratio, 4), round(last.median_ratio, 4), last.n) == (14, 0.7280, 1.1491, 14)
        assert [round(end, 4) for end in (*first.interval, *last.interval)] == [0.6429, 0.8476, 1.0, 1.2476]
        assert round(first.median_value * 1000) == 302_709


class TestGate:
    def test_every_printed_digit_is_a_line_that_holds(self, test_data: Path) -> None:
        found = list(valuation_ratio_study.lines())
        assert len(found) == 7
        assert all(line["holds"] for line in found)

    def test_without_the_tables_nothing_is_promised(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("REOS_TEST_DATA", str(tmp_path))
        *tables, refusals = valuation_ratio_study.lines()
        assert [str(line["value"]).startswith("not run") and not line["holds"] for line in tables] == [True] * 6
        assert refusals["holds"]


class TestFigures:
    def test_known_by_hand(self) -> None:
        study = ratio_study([90, 100, 121], [100, 100, 110])
        assert study.median_ratio == 1
        assert study.weighted_mean == pytest.approx(311 / 310)
        assert study.cod == pytest.approx(100 * (0.1 + 0 + 0.1) / 3)
        assert study.prd == pytest.approx(1 / (311 / 310))
        assert (study.pe10, study.pe20) == (1.0, 1.0)  # 121 / 110 is exactly 10 % off and counts as within
        assert study.mdape == pytest.approx(0.1)

    def test_bias_is_the_least_squares_slope(self) -> None:
        assessed, sold = made(80)
        study = ratio_study(assessed, sold)
        middle = np.median(assessed / sold)
        fit = stats.linregress(np.log2(0.5 * sold + 0.5 * assessed / middle), (assessed / sold - middle) / middle)
        assert study.prb == pytest.approx(fit.slope, rel=1e-9)
        assert study.prb_interval is not None
        half = stats.t.ppf(0.975, 78) * fit.stderr
        assert study.prb_interval == pytest.approx((fit.slope - half, fit.slope + half), rel=1e-6)

    def test_a_regressive_roll_looks_regressive(self) -> None:
        assessed, sold = made(600)
        study = ratio_study(assessed * (sold / 440_000) ** -0.2, sold)
        assert study.prb is not None
        assert study.vei is not None
        assert study.prd > 1.02
        assert study.prb < -0.05
        assert study.vei < -10
        assert study.vertical_equity is not None
        assert study.vertical_equity.significance > 10

    def test_tells_which_figures_few_sales_cannot_give(self) -> None:
        nineteen, two = ratio_study(*made(19)), ratio_study([100, 130], [110, 120])
        assert (nineteen.vei, nineteen.vei_interval) == (None, None)
        assert nineteen.as_row()["reason"] == "vei: fewer than 20 sales"
        assert two.cod_interval is two.median_ratio_interval is two.prb_interval is None
        assert two.as_row()["reason"] == "vei: fewer than 20 sales; intervals: fewer than 10 sales"
        assert two.prb is not None

    def test_sales_of_one_value_have_no_price_related_bias(self) -> None:
        study = ratio_study([100_000] * 25, [100_000] * 25)
        assert (study.prb, study.prb_interval) == (None, None)
        assert "prb: all sales are of one value" in str(study.as_row()["reason"])

    def test_a_row_holds_every_figure_with_its_interval(self) -> None:
        row = ratio_study(*made(60)).as_row()
        assert set(row) == {"sale_count", "reason"} | {f + end for f in FIGURES for end in ("", "_low", "_high")}
        assert row["reason"] is None
        assert all(isinstance(row[figure], float) for figure in FIGURES)
        with pytest.raises(KeyError, match="it has median_ratio"):
            ratio_study(*made(60)).value("r2")


class TestProperties:
    @settings(max_examples=30, deadline=None)
    @given(PAIRS, st.randoms(use_true_random=False))
    def test_the_order_of_sales_changes_nothing(self, pairs: list[tuple[float, float]], random: object) -> None:
        shuffled = list(pairs)
        random.shuffle(shuffled)  # type: ignore[attr-defined]
        assert ratio_study(*zip(*pairs, strict=True)) == ratio_study(*zip(*shuffled, strict=True))

    @settings(max_examples=30, deadline=None)
    @given(PAIRS, st.integers(-8, 8), st.integers(-3, 3))
    def test_money_and_level_do_not_matter(self, pairs: list[tuple[float, float]], money: int, level: int) -> None:
        """Powers of two are exact in binary, so dollars become cents without a rounding error."""
        assessed, sold = (np.asarray(side) for side in zip(*pairs, strict=True))
        before, after = ratio_study(assessed, sold), ratio_study(assessed * 2.0 ** (money + level), sold * 2.0**money)
        assert after.median_ratio == before.median_ratio * 2.0**level
        assert after.weighted_mean == pytest.approx(before.weighted_mean * 2.0**level)
        for figure in ("cod", "prd", "prb", "vei"):
            for one, other in (
                (after.value(figure), before.value(figure)),
                (after.interval(figure), before.interval(figure)),
            ):
                assert (one is None) == (other is None)
                assert one is None or one == pytest.approx(other, rel=1e-6, abs=1e-9)

    @settings(max_examples=30, deadline=None)
    @given(PAIRS)
    def test_figures_stay_in_their_range(self, pairs: list[tuple[float, float]]) -> None:
        study = ratio_study(*zip(*pairs, strict=True))
        assert study.cod >= 0
        assert study.prd > 0
        assert 0 <= study.pe10 <= study.pe20 <= 1
        ratios = [estimate / price for estimate, price in pairs]
        assert min(ratios) <= study.median_ratio <= max(ratios)
        assert min(ratios) * (1 - 1e-12) <= study.weighted_mean <= max(ratios) * (1 + 1e-12)
        for figure in FIGURES:
            if (interval := study.interval(figure)) is not None:
                assert interval.low <= interval.high
        for figure in ("median_ratio", "pe10", "pe20", "mdape", "prb"):
            value, interval = study.value(figure), study.interval(figure)
            if interval is not None and value is not None:
                assert interval.low - 1e-12 <= value <= interval.high + 1e-12

    @settings(max_examples=25, deadline=None)
    @given(st.lists(DOLLARS, min_size=20, max_size=60), st.floats(0.2, 5))
    def test_proportional_estimates_are_uniform(self, prices: list[float], level: float) -> None:
        study = ratio_study([price * level for price in prices], prices)
        assert study.median_ratio == pytest.approx(level)
        assert study.cod == pytest.approx(0, abs=1e-9)
        assert study.prd == pytest.approx(1)
        assert study.vei == pytest.approx(0, abs=1e-9)
        assert study.prb is None or study.prb == pytest.approx(0, abs=1e-6)

    @pytest.mark.parametrize("count", [2, 20, 21, 51, 500, 501, 2_000])
    def test_a_resample_of_the_sales_themselves_gives_the_figures(self, count: int) -> None:
        """The bootstrap computes many resamples at once, by other code than the figures: both must say the same."""
        assessed, sold = made(count, spread=0.3)
        study = ratio_study(assessed, sold)
        rows = np.random.default_rng(1).permutation(count)[None, :]
        found = _statistics(sample(assessed, sold), rows, group_count(count))[0].tolist()
        expected = [study.weighted_mean, study.cod, study.prd, *([] if study.vei is None else [study.vei])]
        assert found == pytest.approx(expected)


class TestIntervals:
    def test_the_medians_interval_covers_at_least_what_it_says(self) -> None:
        """Exact, by the binomial distribution of how many values lie below the median, whatever the distribution."""
        for count in range(6, 400):
            ends = median_interval(np.arange(count, dtype=float))
            assert ends is not None
            covered = 1 - stats.binom.cdf(ends.low, count, 0.5) - stats.binom.sf(ends.high, count, 0.5)
            assert covered >= 0.945, count
        assert median_interval(np.arange(5.0)) is None

    def test_wilsons_interval(self) -> None:
        assert share_interval(8, 10) == pytest.approx((0.4901625, 0.9433178), abs=1e-6)  # R, prop.test(correct=FALSE)
        assert share_interval(0, 10).low == 0
        assert share_interval(10, 10).high == 1

    def test_the_bootstrap_is_the_same_every_time_and_in_any_portions(self, monkeypatch: pytest.MonkeyPatch) -> None:
        values = made(50)[0]

        def means() -> list[tuple[float, float]]:
            return [tuple(one) for one in bootstrap_intervals(50, lambda rows: values[rows].mean(axis=1)[:, None])]

        whole = means()
        monkeypatch.setattr("real_estate_assets.core.ratio_study.intervals._CELLS_AT_ONCE", 700)
        assert means() == whole

    def test_the_cods_interval_covers_the_true_cod(self) -> None:
        """Lognormal ratios: their COD is 100 * E|r - 1|; of 100 samples of 100 sales, 85 to 99 in 100 must cover it."""
        deviation = 0.15
        normal = stats.norm.cdf
        true = 100 * (np.exp(deviation**2 / 2) * (2 * normal(deviation) - 1) - (2 * normal(0) - 1))
        hits = 0
        for seed in range(100):
            interval = ratio_study(*made(100, seed, deviation)).cod_interval
            assert interval is not None
            hits += interval.low <= true <= interval.high
        assert 0.85 <= hits / 100 <= 0.99

    def test_more_sales_narrow_every_interval(self) -> None:
        few, many = ratio_study(*made(60)), ratio_study(*made(2_000))
        for figure in FIGURES:
            narrow, wide = many.interval(figure), few.interval(figure)
            assert narrow is not None
            assert wide is not None
            assert narrow.high - narrow.low < wide.high - wide.low, figure


class TestGroups:
    @pytest.mark.parametrize(("sales", "groups"), [(19, None), (20, 2), (50, 2), (51, 4), (500, 4), (501, 10)])
    def test_number_of_groups(self, sales: int, groups: int | None) -> None:
        assert group_count(sales) == groups

    @given(st.integers(20, 30_000))
    def test_every_sale_is_in_a_group_of_at_least_nine(self, sales: int) -> None:
        ends = group_ends(sales, group_count(sales) or 0)
        assert ends[-1] == sales
        assert min(np.diff([0, *ends])) >= 9


class TestRefusals:
    @pytest.mark.parametrize(
        ("assessed", "sold", "says"),
        [
            ([], [], "at least 2 sales, got 0.*widen"),
            ([1e5], [1e5], "at least 2 sales, got 1"),
            ([1e5, 2e5], [1e5], "2 estimates and 1 sale prices: give one estimate for each"),
            ([1e5, 0], [1e5, 2e5], r"1 of 2 estimates zero or negative: number 1 \(0\). Drop these sales by a rule"),
            ([1e5, -3], [1e5, 2e5], "estimates zero or negative"),
            ([1e5, 2e5], [0, 2e5], "sale prices zero or negative: number 0"),
            ([1e5, float("nan")], [1e5, 2e5], "estimates missing or not finite"),
            ([1e5, None], [1e5, 2e5], "estimates missing or not finite"),
            ([1e5, 2e5], [1e5, float("inf")], r"sale prices missing or not finite: number 1 \(inf\)"),
            ([1e5, "high"], [1e5, 2e5], "estimates are not all numbers"),
            ([[1e5, 2e5]], [[1e5, 2e5]], "2 dimensions: give a plain list"),
            ([1e300, 1], [1e-300, 1], "ratios out of range"),
            ([1e5, 2e5] + [0] * 9, [1] * 11, "and 4 more"),
        ],
    )
    def test_says_what_is_wrong_and_what_to_do(self, assessed: list[object], sold: list[object], says: str) -> None:
        with pytest.raises(RatioStudyError, match=says):
            ratio_study(assessed, sold)  # type: ignore[arg-type]

    def test_a_price_of_one_dollar_is_a_number_like_any_other_here(self) -> None:
        """The rules of the marts call it nominal; a study that is given it shows it instead of hiding it."""
        assessed, sold = made(99)
        study = ratio_study([*assessed, 400_000], [*sold, 1])
        assert study.n == 100
        assert study.cod > 100_000

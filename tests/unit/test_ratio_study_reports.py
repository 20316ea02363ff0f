"""Strata, outliers, sales chasing, sale validity and the published bands."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from real_estate_assets.core.ratio_study import (
    MINIMUM_STRATUM,
    RatioStudyError,
    iaao_verdicts,
    outlier_report,
    price_quartiles,
    ratio_study,
    sale_validity,
    sales_chasing,
    stratified,
)
from real_estate_assets.core.ratio_study import bands as bands_module
from real_estate_assets.core.ratio_study.bands import Band, bands


def made(count: int, spread: float = 0.12, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Prices around 440,000 and estimates that miss them by a symmetric error."""
    generator = np.random.default_rng(seed)
    sold = np.exp(generator.normal(13, 0.5, count))
    return sold * np.exp(generator.normal(0, spread, count)), sold


class TestStrata:
    def test_every_sale_is_in_one_stratum_and_each_is_its_own_study(self) -> None:
        assessed, sold = made(100)
        labels = ["condo" if number % 3 else "house" for number in range(95)] + [None] * 5
        strata = {one.name: one for one in stratified(assessed, sold, labels)}
        assert {name: one.n for name, one in strata.items()} == {"condo": 63, "house": 32, "not stated": 5}
        is_condo = [label == "condo" for label in labels]
        assert strata["condo"].study == ratio_study(assessed[is_condo], sold[is_condo])
        assert (strata["not stated"].study, strata["not stated"].reason) == (None, "fewer than 30 sales")

    def test_the_minimum_is_stated_and_can_be_set(self) -> None:
        assessed, sold = made(29)
        assert MINIMUM_STRATUM == 30
        assert stratified(assessed, sold, ["all"] * 29)[0].study is None
        assert stratified(assessed, sold, ["all"] * 29, minimum=29)[0].study is not None
        with pytest.raises(RatioStudyError, match="at least 2 sales, got 1"):
            stratified(assessed, sold, ["all"] * 29, minimum=1)
        with pytest.raises(RatioStudyError, match="28 labels for 29 sales"):
            stratified(assessed, sold, ["all"] * 28)

    def test_price_quartiles_do_not_make_a_fair_roll_look_regressive(self) -> None:
        assessed, value = made(4_000, spread=0.1)
        sold = value * np.exp(np.random.default_rng(4).normal(0, 0.1, 4_000))  # prices miss the value by chance too
        by_proxy = [one.study for one in stratified(assessed, sold, price_quartiles(assessed, sold))]
        limits = np.quantile(sold, [0.25, 0.5, 0.75])
        by_price = [one.study for one in stratified(assessed, sold, [str(q) for q in np.digitize(sold, limits)])]
        assert all(one is not None and abs(one.median_ratio - 1) < 0.015 for one in by_proxy)
        assert by_price[0] is not None
        assert by_price[3] is not None
        assert by_price[0].median_ratio > by_price[3].median_ratio + 0.02  # what the proxy is for

    @settings(max_examples=40)
    @given(st.lists(st.tuples(st.floats(1e3, 1e7), st.floats(1e3, 1e7)), min_size=4, max_size=80))
    def test_quartiles_rise_with_value_and_keep_the_order_given(self, pairs: list[tuple[float, float]]) -> None:
        assessed, sold = (np.asarray(side) for side in zip(*pairs, strict=True))
        labels = np.asarray(price_quartiles(assessed, sold))
        proxy = 0.5 * sold + 0.5 * assessed / np.median(assessed / sold)
        order = np.argsort(proxy)
        assert labels[order].tolist() == sorted(labels.tolist())
        assert labels[order[0]] == "1 lowest"


class TestOutliers:
    def test_both_studies_stand_side_by_side(self) -> None:
        assessed, sold = made(200)
        assessed[7], assessed[9] = assessed[7] * 6, assessed[9] / 6
        found = outlier_report(assessed, sold)
        assert np.flatnonzero(found.is_outlier).tolist() == [7, 9]
        assert (found.too_low, found.too_high, found.share) == (1, 1, 0.01)
        assert found.all_sales == ratio_study(assessed, sold)
        assert found.without == ratio_study(np.delete(assessed, [7, 9]), np.delete(sold, [7, 9]))
        assert found.sentence.startswith("2 of 200 ratios lie more than 3 interquartile ranges outside")
        assert f"COD {found.all_sales.cod:.1f} with all sales, {found.without.cod:.1f} without them" in found.sentence

    def test_a_smaller_multiple_drops_at_least_as_many(self) -> None:
        assessed, sold = made(500, spread=0.3)
        assert outlier_report(assessed, sold, multiple=1.5).share > outlier_report(assessed, sold).share
        with pytest.raises(RatioStudyError, match="multiple above zero"):
            outlier_report(assessed, sold, multiple=0)


class TestSalesChasing:
    def test_honest_estimates_show_no_sign(self) -> None:
        found = sales_chasing(*made(1_000))
        assert found.is_suspected is False
        assert "no sign of sales chasing" in found.sentence

    def test_copied_prices_are_suspected(self) -> None:
        assessed, sold = made(1_000)
        assessed[::8] = np.round(sold[::8], -2)  # the assessor writes hundreds
        found = sales_chasing(assessed, sold)
        assert found.is_suspected is True
        assert found.jump == pytest.approx(0.125, abs=0.01)
        assert found.jump_at == 1.0
        assert "sales chasing is suspected" in found.sentence

    def test_a_sharp_middle_alone_is_no_suspicion(self) -> None:
        generator = np.random.default_rng(5)
        sold = np.exp(generator.normal(13, 0.5, 3_000))
        found = sales_chasing(sold * np.exp(generator.laplace(0, 0.1, 3_000)), sold)
        assert found.is_bunched
        assert not found.has_jump
        assert found.is_suspected is False

    def test_says_when_the_sales_are_too_few(self) -> None:
        found = sales_chasing([1e5] * 99, [1e5] * 99)
        assert found.is_suspected is None
        assert "fewer than 100 sales, too few to say" in found.sentence
        assert found.share_expected == 1  # all ratios equal: no normal distribution, all in the middle

    def test_estimates_far_from_market_level_have_no_middle(self) -> None:
        found = sales_chasing([5e4] * 100, [1e5] * 100)
        assert (found.share_within, found.jump, found.jump_at, found.is_suspected) == (0, 0, None, False)


class TestValidity:
    def test_shows_what_the_screening_did(self) -> None:
        assessed, sold = made(100)
        sold[:4] = sold[:4] / 10
        reasons = [["family", "nominal"], ["family"], ["family"], ["nominal"]] + [[]] * 96
        found = sale_validity(assessed, sold, reasons)
        assert (found.valid_count, found.share_valid) == (96, 0.96)
        assert found.reasons == (("family", 3), ("nominal", 2))
        assert found.valid == ratio_study(assessed[4:], sold[4:])
        assert found.all_sales == ratio_study(assessed, sold)
        assert found.sentence.startswith("96 of 100 sales are valid (family 3, nominal 2); COD ")

    def test_no_valid_sale_left_is_said(self) -> None:
        found = sale_validity([1e5, 2e5], [1e5, 2e5], [["family"], ["family"]])
        assert (found.valid, found.share_valid) == (None, 0)
        assert found.sentence == "0 of 2 sales are valid (family 2)"
        with pytest.raises(RatioStudyError, match="1 lists of reasons for 2 sales"):
            sale_validity([1e5, 2e5], [1e5, 2e5], [[]])


class TestBands:
    def test_the_published_limits(self) -> None:
        found = {band.figure: (band.low, band.high) for band in bands()}
        assert found == {
            "median_ratio": (0.9, 1.1), "cod": (5, 15), "prd": (0.98, 1.03), "prb": (-0.05, 0.05), "vei": (-10, 10),
        }  # fmt: skip
        assert {band.figure: band.high for band in bands("vacant_land")}["cod"] == 25
        assert all(band.source for band in bands())

    def test_inside_and_sure(self) -> None:
        verdicts = iaao_verdicts(ratio_study(*made(2_000)))
        assert [verdict.figure for verdict in verdicts] == ["median_ratio", "cod", "prd", "prb", "vei"]
        assert all(verdict.is_inside and verdict.is_certain for verdict in verdicts)
        assert "is inside the IAAO band 5 to 15" in verdicts[1].sentence

    def test_outside_says_by_how_much_and_how_sure(self) -> None:
        _, cod, *_ = iaao_verdicts(ratio_study(*made(2_000, spread=0.3)))
        assert (cod.place, cod.is_inside, cod.is_certain) == ("above", False, True)
        assert cod.sentence.endswith("is above the IAAO band 5 to 15")
        _, few, *_ = iaao_verdicts(ratio_study(*made(40, spread=0.21)))
        assert (few.place, few.is_certain) == ("above", False)
        assert few.sentence.endswith("by chance it may be inside")

    def test_a_cod_below_the_band_is_no_praise(self) -> None:
        _, cod, *_ = iaao_verdicts(ratio_study(*made(500, spread=0.01)))
        assert (cod.place, cod.is_inside) == ("below", False)
        assert "sign of sales chasing" in cod.sentence

    def test_vertical_equity_outside_is_sure_by_the_drafts_own_significance(self) -> None:
        assessed, sold = made(600)
        verdict = iaao_verdicts(ratio_study(assessed * (sold / 440_000) ** -0.2, sold))[-1]
        assert (verdict.figure, verdict.place, verdict.is_certain) == ("vei", "below", True)
        assessed, sold = made(40)
        few = iaao_verdicts(ratio_study(assessed * (sold / 440_000) ** -0.2, sold))[-1]
        assert (few.place, few.is_certain) == ("below", False)

    def test_unknown_is_neither_inside_nor_outside(self) -> None:
        verdict = iaao_verdicts(ratio_study(*made(19)))[-1]
        assert (verdict.figure, verdict.is_inside, verdict.is_certain) == ("vei", None, None)
        assert verdict.sentence.startswith("VEI is not known")

    def test_a_later_version_wins_and_none_is_stated_twice(self, monkeypatch: pytest.MonkeyPatch) -> None:
        old = bands()[2]
        new = old.model_copy(update={"version": 2, "high": 1.02})
        monkeypatch.setattr(bands_module, "_register", lambda: (new, old))
        assert bands_module.bands.__wrapped__()[0].high == 1.02

    def test_a_band_must_rise(self) -> None:
        with pytest.raises(ValueError, match="not below high"):
            Band.model_validate({**bands()[0].model_dump(), "low": 2, "high": 1})

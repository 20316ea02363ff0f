"""Nothing leaks: what a sale could know is read off strictly earlier sales alone, and exactly."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from real_estate_assets.core.valuation import backtest, lags
from real_estate_assets.core.valuation.history import look_up, sale_history
from real_estate_assets.core.valuation.matrix import days
from real_estate_assets.core.valuation.neighbours import prior_neighbours
from tests.unit.valuation_samples import made_training, small_settings

SETTINGS = small_settings()
TRAINING = made_training()
HISTORY = sale_history(TRAINING, SETTINGS)
SOLD_ON = days(TRAINING["sale_date"])


@settings(max_examples=5, deadline=None)
@given(st.integers(20, 480), st.integers(0, 2**31))
def test_prices_of_a_day_and_later_change_nothing_that_sales_until_then_could_know(row: int, seed: int) -> None:
    factors = np.random.default_rng(seed).lognormal(0, 1, TRAINING.height)
    later_days = np.greater_equal(SOLD_ON, SOLD_ON[row])
    changed = TRAINING.with_columns(pl.col("price_usd") * np.where(later_days, factors, 1.0))
    until = ~later_days | (SOLD_ON[row] == SOLD_ON)
    np.testing.assert_array_equal(sale_history(changed, SETTINGS).matrix[until], HISTORY.matrix[until])


def test_sales_of_later_days_change_no_prediction_before_them() -> None:
    day = SOLD_ON[int(len(SOLD_ON) * 0.95)]
    doubled = TRAINING.with_columns(pl.col("price_usd") * np.where(np.greater_equal(SOLD_ON, day), 2.0, 1.0))
    until = pl.col("sale_date").cast(pl.Int32) <= int(day)
    before, after = (
        backtest.walk_forward(frame, SETTINGS).filter(until).drop("price_usd") for frame in (TRAINING, doubled)
    )
    assert before.height > 50
    assert before.equals(after)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 60), st.integers(1, 8))
def test_neighbours_are_the_nearest_earlier_ones(seed: int, count: int, take: int) -> None:
    draw = np.random.default_rng(seed)
    places = draw.integers(0, 5, (count, 2)).astype(np.float32)  # a coarse grid: many equal distances
    places[draw.random(count) < 0.1] = np.nan
    limits = np.searchsorted(on := np.sort(draw.integers(0, 20, count)), on, side="left")
    found = prior_neighbours(places, limits, places, take)
    for row in range(count):
        near = found.sales[row][found.sales[row] >= 0]
        distances = np.hypot(*(places[: limits[row]] - places[row]).T)
        known = np.sort(distances[~np.isnan(distances)])[:take]
        np.testing.assert_allclose(found.distance[row][: len(near)], known, rtol=1e-6)
        assert len(near) == len(known)
        assert len(set(near.tolist())) == len(near)


def test_of_equally_near_sales_the_newer_come_first() -> None:
    places = np.zeros((6, 2), np.float32)
    found = prior_neighbours(places[:1], np.array([5]), places, 3)
    assert found.sales.tolist() == [[4, 3, 2]]


def test_a_property_is_read_off_the_same_way_as_a_sale() -> None:
    rows = TRAINING.tail(40)
    again = look_up(rows, days(rows["sale_date"]), HISTORY.encoder, HISTORY.known, SETTINGS)
    np.testing.assert_array_equal(again, HISTORY.matrix[-40:])


def test_the_same_property_s_earlier_sale_is_found_and_the_same_day_is_not_earlier() -> None:
    sold = (np.array(["a", "b", "a"], object), np.array([1, 2, 5]), np.array([10.0, 20.0, 30.0]))
    found = lags.previous_sales(*sold, np.array(["a", "a", "a", "b", "c"], object), np.array([1, 5, 6, 9, 9]))
    np.testing.assert_array_equal(found[:, 0], np.float32([np.nan, 10, 30, 20, np.nan]))
    np.testing.assert_array_equal(found[:, 1], np.float32([np.nan, 4, 1, 7, np.nan]))


def test_an_earlier_sale_is_looked_at_only_where_enough_sales_have_one() -> None:
    assert "previous_log_price" not in HISTORY.columns
    assert HISTORY.encoder.dropped["previous_sale"].startswith("0 of 500 sales")
    again = TRAINING.with_columns(property_id=pl.Series([f"p{number % 400}" for number in range(500)]))
    history = sale_history(again, SETTINGS)
    found = history.matrix[:, history.columns.index("previous_log_price")]
    assert np.isnan(found[:400]).all()
    np.testing.assert_allclose(found[-1], history.known.log_prices[99], rtol=1e-6)


def test_the_level_is_the_median_of_the_days_before_and_unknown_of_too_few() -> None:
    residuals, on = np.array([1.0, np.nan, 3.0, 5.0, 100.0]), np.array([0, 1, 2, 3, 4])
    level = lags.recent_level(residuals, on, np.array([4, 2, 1]), 3, 2)
    np.testing.assert_array_equal(level, [4.0, np.nan, np.nan])


def test_columns_that_teach_nothing_are_dropped_with_their_reason() -> None:
    odd = TRAINING.with_columns(
        bedrooms=pl.lit(3), year_built=pl.lit(None, pl.Int64), flood_hazard_score=pl.Series([1.0] * 5 + [0.0] * 495)
    )
    encoder = sale_history(odd, SETTINGS).encoder
    assert encoder.dropped["bedrooms"] == "3 for every sale that knows it"
    assert encoder.dropped["year_built"] == "unknown for every sale"
    assert encoder.dropped["stories"] == "no such column in the feature rows"
    assert encoder.dropped["flood_hazard_score"].startswith("only 5 sales differ")
    assert "bedrooms" not in encoder.base_columns


def test_a_hazard_that_enough_sales_carry_is_seen_but_not_by_the_base_member() -> None:
    history = sale_history(TRAINING.with_columns(flood_hazard_score=pl.Series([1.0, 0.0] * 250)), SETTINGS)
    at = history.columns.index("flood_hazard_score")
    assert at in history.members["neighbours"]
    assert at not in history.members["base"]


def test_without_any_place_the_neighbours_are_unknown_and_the_rest_works() -> None:
    nowhere = TRAINING.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("latitude", "longitude"))
    history = sale_history(nowhere, SETTINGS)
    assert np.isnan(history.matrix[:, history.columns.index("neighbour_price_near_5")]).all()
    assert "x_km" not in history.columns
    assert history.encoder.needed == ("building_sqft",)


def test_rows_out_of_order_and_no_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="in order of time"):
        sale_history(TRAINING.reverse(), SETTINGS)
    with pytest.raises(ValueError, match="no training sale"):
        sale_history(TRAINING.clear(), SETTINGS)

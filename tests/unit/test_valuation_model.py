"""The bag and its estimates: the same bytes every time, intervals that hold, and an answer to every bad input."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from real_estate_assets.core.valuation import intervals
from real_estate_assets.core.valuation.backtest import walk_forward
from real_estate_assets.core.valuation.estimates import estimate, no_estimates, share_within
from real_estate_assets.core.valuation.history import sale_history
from real_estate_assets.core.valuation.model import Bag, fit
from tests.unit.valuation_samples import made_features, made_training, small_settings

SETTINGS = small_settings()
TRAINING = made_training()
HISTORY = sale_history(TRAINING, SETTINGS)
WALK = walk_forward(TRAINING, SETTINGS, HISTORY)
BAG = fit(TRAINING, SETTINGS, HISTORY)
VALUED_ON = TRAINING["sale_date"].max() + dt.timedelta(days=1)  # type: ignore[operator]
ROWS = made_features().drop("event_at")


def estimated(rows: pl.DataFrame, bag: Bag = BAG, walk: pl.DataFrame = WALK) -> pl.DataFrame:
    return estimate(bag, walk, rows, VALUED_ON, SETTINGS)


def test_the_same_sales_give_the_same_bytes_and_bytes_the_same_estimates() -> None:
    content = BAG.to_bytes()
    assert fit(TRAINING, SETTINGS).to_bytes() == content
    again = Bag.from_bytes(content)
    assert again.to_bytes() == content
    assert estimated(ROWS, again).equals(estimated(ROWS))


def test_other_sales_give_other_bytes() -> None:
    assert fit(TRAINING.head(400), SETTINGS).to_bytes() != BAG.to_bytes()


@pytest.mark.parametrize("content", [b"", b"no model", BAG.to_bytes()[:200]])
def test_bytes_that_are_no_model_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no valuation model"):
        Bag.from_bytes(content)


def test_the_test_window_is_the_newest_share_and_every_sale_of_it_is_there() -> None:
    test = WALK.filter("is_test")
    first = test["sale_date"].min()
    assert test.height == TRAINING.filter(pl.col("sale_date") >= first).height
    assert 0.15 <= test.height / TRAINING.height < 0.17
    assert test["predicted_usd"].is_finite().all()
    assert (WALK["is_test"] != WALK["is_calibration"]).all()
    assert WALK["sale_date"].is_sorted()


def test_the_walk_knows_the_made_town_better_than_a_median() -> None:
    test = WALK.filter("is_test")
    miss = (test["predicted_usd"] / test["price_usd"] - 1).abs().median()
    floor = (TRAINING["price_usd"].median() / test["price_usd"] - 1).abs().median()  # type: ignore[operator]
    assert miss < 0.5 * floor  # type: ignore[operator]


def test_estimates_stand_in_the_order_of_the_rows_inside_their_intervals() -> None:
    found = estimated(ROWS.reverse())
    assert found["property_id"].to_list() == ROWS["property_id"].reverse().to_list()
    assert found["null_reason"].null_count() == ROWS.height
    assert (found["low_usd"] < found["estimate_usd"]).all()
    assert (found["estimate_usd"] < found["high_usd"]).all()
    assert found["tercile"].unique().sort().to_list() == [1, 2, 3]
    assert found["share_within_10pct"].is_between(0, 1).all()


def test_a_property_without_place_or_size_gets_no_estimate_but_the_reason() -> None:
    bare = ROWS.head(3).with_columns(
        latitude=pl.Series([None, 47.5, None], dtype=pl.Float64),
        building_sqft=pl.Series([2000.0, None, None], dtype=pl.Float64),
    )
    found = estimated(bare)
    assert found["null_reason"].to_list() == ["latitude_unknown", "building_sqft_unknown", "building_sqft_unknown"]
    assert found.drop("property_id", "null_reason").null_count().row(0) == (3,) * 6


def test_all_features_null_is_no_estimate_and_other_nulls_are_no_hindrance() -> None:
    nothing = ROWS.head(2).with_columns(pl.lit(None).alias(name) for name in ROWS.columns if name != "property_id")
    assert estimated(nothing)["null_reason"].to_list() == ["building_sqft_unknown"] * 2
    some = ROWS.head(2).with_columns(grade_score=pl.lit(None, pl.Float64), use_code=pl.lit("never sold"))
    assert estimated(some)["estimate_usd"].is_not_null().all()


def test_a_tenant_that_knows_no_place_at_all_is_estimated_by_structure_and_time() -> None:
    places = [pl.lit(None, pl.Float64).alias(name) for name in ("latitude", "longitude")]
    training, rows = TRAINING.with_columns(places), ROWS.with_columns(places)
    history = sale_history(training, SETTINGS)
    walk = walk_forward(training, SETTINGS, history)
    found = estimated(rows, fit(training, SETTINGS, history), walk)
    assert found["estimate_usd"].is_not_null().all()
    wider = [((one["high_usd"] - one["low_usd"]) / one["estimate_usd"]).median() for one in (found, estimated(ROWS))]
    assert wider[0] > wider[1]  # type: ignore[operator]


def test_where_many_sales_lack_a_place_so_may_a_property_and_its_interval_is_wider() -> None:
    lacking = pl.Series(np.arange(TRAINING.height) % 3 == 0)
    training = TRAINING.with_columns(
        pl.when(lacking).then(None).otherwise(pl.col(name)).alias(name) for name in ("latitude", "longitude")
    )
    history = sale_history(training, SETTINGS)
    assert history.encoder.needed == ("building_sqft",)
    bag, walk = fit(training, SETTINGS, history), walk_forward(training, SETTINGS, history)
    nowhere = ROWS.with_columns(pl.lit(None, pl.Float64).alias(name) for name in ("latitude", "longitude"))
    lost, placed = estimated(nowhere, bag, walk), estimated(ROWS, bag, walk)
    assert lost["estimate_usd"].is_not_null().all()
    assert lost["difficulty"].median() > placed["difficulty"].median()  # type: ignore[operator]


def test_no_interval_no_estimate() -> None:
    found = estimated(ROWS.head(2), walk=WALK.head(SETTINGS.interval_minimum - 1))
    assert found["null_reason"].to_list() == ["too_few_predicted_sales"] * 2
    assert found["estimate_usd"].null_count() == 2


def test_without_a_model_every_property_says_why() -> None:
    found = no_estimates(pl.Series(["a", "b"]), "too_few_sales")
    assert found.schema == estimated(ROWS.head(2)).schema
    assert found["null_reason"].to_list() == ["too_few_sales"] * 2


def test_an_estimate_is_read_off_sales_before_its_day_only() -> None:
    early = TRAINING["sale_date"][300]
    later = TRAINING.with_columns(
        pl.when(pl.col("sale_date") >= early).then(pl.col("price_usd") * 3).otherwise("price_usd")
    )
    known = sale_history(later, SETTINGS).known
    now, then = (one.predict(ROWS, early).log_price for one in (BAG, BAG._replace(known=known)))
    np.testing.assert_array_equal(now, then)


def test_intervals_of_a_known_spread_hold_what_they_say_in_every_tercile() -> None:
    draw = np.random.default_rng(5)
    count = 6000
    on, predicted = np.sort(draw.integers(0, 300, count)), draw.normal(13, 0.5, count)
    difficulty = np.exp(draw.normal(-2, 0.4, count))
    spread = difficulty * np.where(predicted < 12.8, 2.0, 1.0)  # the cheap third is harder than its difficulty says
    residuals = draw.normal(0, spread)
    rolled = intervals.rolling(on, predicted, residuals, difficulty, SETTINGS)
    assert np.isnan(rolled.widths[on == 0]).all()
    judged = on >= SETTINGS.interval_days
    inside = np.abs(residuals) <= rolled.widths
    for tercile in (1, 2, 3):
        assert inside[judged & (rolled.terciles == tercile)].mean() == pytest.approx(0.9, abs=0.025)


def test_where_the_market_turns_the_level_follows_and_the_intervals_hold_again() -> None:
    draw = np.random.default_rng(6)
    count = 6000
    on, predicted, difficulty = np.sort(draw.integers(0, 300, count)), draw.normal(13, 0.5, count), np.full(count, 0.1)
    residuals = draw.normal(0, np.where(on < 200, 0.1, 0.1 + 0.002 * (on - 200)))  # misses grow day by day
    shares = []
    for step in (0.0, SETTINGS.interval_step):
        rolled = intervals.rolling(on, predicted, residuals, difficulty, small_settings(interval_step=step))
        shares.append((np.abs(residuals) <= rolled.widths)[on >= 220].mean())
        assert all(level > 0.9 for level in rolled.levels) == (step > 0)
    still, following = shares
    assert still < 0.85
    assert following == pytest.approx(0.9, abs=0.02)


def test_too_few_misses_calibrate_nothing_and_a_thin_tercile_borrows() -> None:
    few = np.full(SETTINGS.interval_minimum - 1, 0.1)
    assert intervals.calibrate(few, few, few, SETTINGS) is None
    some = np.linspace(1, 2, SETTINGS.interval_minimum)
    found = intervals.calibrate(some, some, np.ones_like(some), SETTINGS)
    assert found is not None
    assert found.factors == (2.0, 2.0, 2.0)


def test_the_share_within_ten_percent_falls_with_difficulty() -> None:
    draw = np.random.default_rng(3)
    hard = np.linspace(0.02, 0.4, 2000)
    walk = pl.DataFrame(
        {"difficulty": hard, "price_usd": np.ones(2000), "predicted_usd": np.exp(draw.normal(0, hard / 0.67))}
    )
    told = share_within(walk, np.array([0.01, 0.05, 0.1, 0.2, 0.5, np.nan]))
    assert np.isnan(told[-1])
    assert (np.diff(told[:-1]) <= 0).all()
    assert told[0] > 0.9
    assert told[4] < 0.3
    assert np.isnan(share_within(walk.clear(), np.array([0.1]))).all()

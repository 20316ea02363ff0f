"""Market features: nothing of the day itself or later, what a plain reckoning says, and a reason on every null."""

from __future__ import annotations

import statistics
from datetime import date, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from real_estate_assets.core.features.markets import (
    MEDIAN_SALES,
    TREND_SALES,
    Coverage,
    market_features,
    trend_of,
)

START = date(2014, 1, 1)
MARKETS = ("53033", "53033|98103")
COMPUTED = (
    "median_price", "price_per_sqft_market", "sales_volume_30d",
    "price_trend_30d", "price_trend_90d", "price_trend_365d",
)  # fmt: skip
NO_INDEX = pl.DataFrame(schema={"county_fips": pl.String, "year": pl.Int64, "annual_change_pct": pl.Float64})

Sale = tuple[str, int, float, float | None]  # market, day after START, price, price per square foot
sales_lists = st.lists(
    st.tuples(
        st.sampled_from(MARKETS),
        st.integers(0, 500),
        st.floats(2_000, 5e6),
        st.none() | st.floats(10, 2_000),
    ),
    max_size=120,
)


def frame(sales: list[Sale]) -> pl.DataFrame:
    rows = [(market, START + timedelta(days=day), price, sqft) for market, day, price, sqft in sales]
    numbers = {"price_usd": pl.Float64, "price_usd_per_sqft": pl.Float64}
    return pl.DataFrame(rows, schema={"market_id": pl.String, "sale_date": pl.Date, **numbers}, orient="row")


def asked(days: list[int]) -> pl.DataFrame:
    rows = [(market, START + timedelta(days=day)) for market in MARKETS for day in days]
    return pl.DataFrame(rows, schema={"market_id": pl.String, "event_on": pl.Date}, orient="row")


def covering(sales: list[Sale], *, lists_all: bool = True) -> Coverage:
    return Coverage(START, START + timedelta(days=max((day for _, day, *_ in sales), default=0)), lists_all)


@settings(max_examples=60, deadline=None)
@given(sales_lists, st.integers(0, 500), sales_lists)
def test_what_happens_on_the_day_or_later_changes_nothing(past: list[Sale], day: int, later: list[Sale]) -> None:
    coverage = Coverage(START, START + timedelta(days=500), lists_all=True)
    before = [sale for sale in past if sale[1] < day]
    after = [(market, max(on, day), price, sqft) for market, on, price, sqft in later]
    alone = market_features(frame(before), asked([day]), NO_INDEX, coverage)
    assert market_features(frame(before + after), asked([day]), NO_INDEX, coverage).equals(alone)


@settings(max_examples=60, deadline=None)
@given(sales_lists, st.integers(0, 600))
def test_each_value_is_what_a_plain_reckoning_gives(sales: list[Sale], day: int) -> None:
    coverage = covering(sales)
    for row in market_features(frame(sales), asked([day]), NO_INDEX, coverage).iter_rows(named=True):
        own = [(on, price, sqft) for market, on, price, sqft in sales if market == row["market_id"] and on < day]

        def inside(days: int) -> bool:
            return day - days >= 0 and START + timedelta(days=day) <= coverage.last + timedelta(days=1)

        prices = [price for on, price, _ in own if on >= day - 90]
        expected = statistics.median(prices) if inside(90) and len(prices) >= MEDIAN_SALES else None
        assert row["median_price"] == (expected if expected is None else pytest.approx(expected))
        assert row["sales_volume_30d"] == (sum(on >= day - 30 for on, *_ in own) if inside(30) else None)
        for days, fewest in TREND_SALES.items():
            points = [(float(on), sqft) for on, _, sqft in own if on >= day - days and sqft is not None]
            trend = trend_of(points, days) if inside(days) and len(points) >= fewest else None
            found = row[f"price_trend_{days}d"]
            assert (found is None) == (trend is None)
            assert trend is None or found == pytest.approx(trend, rel=1e-6, abs=1e-9)


@settings(max_examples=40, deadline=None)
@given(sales_lists, st.lists(st.integers(0, 900), min_size=1, max_size=4), st.booleans())
def test_every_null_has_a_reason_and_no_value_has_one(sales: list[Sale], days: list[int], lists_all: bool) -> None:
    found = market_features(
        frame(sales), asked(days), NO_INDEX, covering(sales, lists_all=lists_all) if sales else None
    )
    assert found.height == len(MARKETS) * len(set(days))
    for name in COMPUTED:
        assert found.filter(pl.col(name).is_null() != pl.col(f"{name}__reason").is_not_null()).is_empty()


def test_a_tenant_without_events_has_no_market_rows() -> None:
    assert market_features(frame([]), asked([]), NO_INDEX, None).is_empty()


def test_a_count_of_last_sales_is_no_volume() -> None:
    sales: list[Sale] = [(MARKETS[0], day, 500_000.0, 300.0) for day in range(100)]
    row = market_features(frame(sales), asked([100]), NO_INDEX, covering(sales, lists_all=False)).row(0, named=True)
    assert (row["sales_volume_30d"], row["sales_volume_30d__reason"]) == (None, "last_sale_only")
    assert row["median_price"] == 500_000.0


def test_a_window_beyond_the_files_says_so() -> None:
    sales: list[Sale] = [(MARKETS[0], day, 500_000.0, 300.0) for day in range(100)]
    found = market_features(frame(sales), asked([50, 101]), NO_INDEX, covering(sales))
    reasons = dict(zip(found["event_on"], found["median_price__reason"], strict=False))
    assert list(reasons.values()) == ["window_before_first_sale", "window_after_last_sale"]


@pytest.mark.parametrize(
    ("event", "change"),
    [
        (date(2014, 3, 31), 0.02),  # 2013 is published in April
        (date(2014, 4, 1), 0.03),
        (date(2015, 6, 1), 0.03),  # 2014 is missing: a year older
        (date(2016, 6, 1), None),  # too old
    ],
)
def test_the_index_stands_in_for_a_thin_year_once_it_is_published(event: date, change: float | None) -> None:
    index = pl.DataFrame(
        {"county_fips": ["53033"] * 2, "year": [2012, 2013], "annual_change_pct": [2.0, 3.0]},
        schema=NO_INDEX.schema,
    )
    events = pl.DataFrame({"market_id": ["53033|98103"], "event_on": [event]})
    row = market_features(frame([]), events, index, None).row(0, named=True)
    assert row["price_trend_365d"] == (change if change is None else pytest.approx(change))
    assert (row["price_trend_365d__reason"] is None) == (change is not None)

"""Market features: windows over one tenant's sales strictly before each event, and a public index where they are thin.

Belongs here: the arithmetic, on polars frames. Does not belong here: reading and writing (`stores/warehouse`).

A window of n days before an event holds the sales dated event - n .. event - 1. It is answered only where the
tenant's sources cover all of it: a window that begins before the first sale, or ends after the files' own date, would
measure the files and not the market.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import polars as pl

MEDIAN_DAYS: Final = 90
MEDIAN_SALES: Final = 5  # fewer have no median worth the name
TREND_SALES: Final = {30: 20, 90: 30, 365: 60}  # days -> fewer sales than this have a slope of mere chance
TREND_DAYS: Final = tuple(TREND_SALES)
VOLUME_DAYS: Final = 30
INDEX_MONTH: Final = 4  # a year's house price index is published by April of the next

TOO_FEW, TOO_EARLY, TOO_LATE = "too_few_sales", "window_before_first_sale", "window_after_last_sale"
LAST_SALES_ONLY, NO_INDEX = "last_sale_only", "no_index_of_that_year"


@dataclass(frozen=True, slots=True)
class Coverage:
    """The days that the tenant's sources of sales cover, both inclusive.

    lists_all: they state every sale; otherwise each property's last one only.
    """

    first: date
    last: date
    lists_all: bool


def market_features(
    sales: pl.DataFrame, events: pl.DataFrame, index: pl.DataFrame, coverage: Coverage | None
) -> pl.DataFrame:
    """One row an event, ordered by market and day: the computed features, and `<feature>__reason` where one is null.

    sales: market_id, sale_date, price_usd, price_usd_per_sqft (null: unknown), every sale once in each of its markets.
    events: market_id, event_on. index: county_fips, year, annual_change_pct. coverage: None where there is no sale.
    """
    import polars as pl

    found = events.select("market_id", "event_on").unique().sort("market_id", "event_on")
    for days in sorted({MEDIAN_DAYS, VOLUME_DAYS, *TREND_DAYS}):
        found = found.join(_window(sales, found, days), on=["market_id", "event_on"], how="left", maintain_order="left")
    found = _with_index(found, index)
    columns = [
        *_median("median_price", pl.col(f"price_{MEDIAN_DAYS}"), pl.col(f"n_{MEDIAN_DAYS}"), coverage),
        *_median("price_per_sqft_market", pl.col(f"sqft_{MEDIAN_DAYS}"), pl.col(f"m_{MEDIAN_DAYS}"), coverage),
        *_volume(coverage),
        *(column for days in TREND_DAYS for column in _trend(days, coverage)),
    ]
    return found.select("market_id", "event_on", *columns)


def _window(sales: pl.DataFrame, events: pl.DataFrame, days: int) -> pl.DataFrame:
    """Of the sales in [event - days, event): number, medians, number with an area, slope of the log price a day."""
    import polars as pl

    own = sales.join(events.select("market_id").unique(), on="market_id", how="semi").select(
        "market_id",
        pl.col("sale_date").alias("event_on"),
        pl.col("price_usd").cast(pl.Float64).alias("price"),
        pl.col("price_usd_per_sqft").cast(pl.Float64).alias("sqft"),
    )
    asked = events.select("market_id", "event_on").with_columns(
        pl.lit(None, pl.Float64).alias("price"), pl.lit(None, pl.Float64).alias("sqft")
    )
    day = pl.col("event_on").cast(pl.Int32).cast(pl.Float64)
    rows = pl.concat([own, asked]).sort("market_id", "event_on").with_columns(
        pl.col("sqft").log().alias("log"), pl.when(pl.col("sqft").is_not_null()).then(day).alias("day")
    )  # fmt: skip
    slope = pl.cov(pl.col("day").drop_nulls(), pl.col("log").drop_nulls(), ddof=0) / pl.col("day").var(ddof=0)
    window = rows.rolling(index_column="event_on", period=f"{days}d", closed="left", group_by="market_id").agg(
        pl.col("price").count().alias(f"n_{days}"),
        pl.col("price").median().alias(f"price_{days}"),
        pl.col("sqft").count().alias(f"m_{days}"),
        pl.col("sqft").median().alias(f"sqft_{days}"),
        pl.when(pl.col("day").var(ddof=0) > 0).then(slope).alias(f"slope_{days}"),
    )
    return window.unique(["market_id", "event_on"], keep="any")


def _with_index(found: pl.DataFrame, index: pl.DataFrame) -> pl.DataFrame:
    """The county's change, as a share, in the last whole year published by the event, or in the year before that."""
    import polars as pl

    event = pl.col("event_on").dt
    published = event.year() - pl.when(event.month() >= INDEX_MONTH).then(1).otherwise(2)
    found = found.with_columns(
        pl.col("market_id").str.split("|").list.first().alias("county_fips"), published.cast(pl.Int64).alias("year")
    )
    known = index.select(
        "county_fips", pl.col("year").cast(pl.Int64), (pl.col("annual_change_pct") / 100).alias("change")
    ).drop_nulls()
    earlier = known.with_columns(pl.col("year") + 1).rename({"change": "earlier"})
    return (
        found.join(known, on=["county_fips", "year"], how="left", maintain_order="left")
        .join(earlier, on=["county_fips", "year"], how="left", maintain_order="left")
        .with_columns(pl.coalesce("change", "earlier").alias("index_change"))
    )


def _uncovered(days: int, coverage: Coverage | None) -> pl.Expr:
    """Why a window is not covered; null where it is."""
    import polars as pl

    if coverage is None:
        return pl.lit(TOO_FEW)
    return (
        pl.when(pl.col("event_on") > coverage.last + timedelta(days=1)).then(pl.lit(TOO_LATE))
        .when(pl.col("event_on") - pl.duration(days=days) < coverage.first).then(pl.lit(TOO_EARLY))
        .otherwise(pl.lit(None, pl.String))
    )  # fmt: skip


def _explained(name: str, value: pl.Expr, reason: pl.Expr) -> list[pl.Expr]:
    """The feature where nothing speaks against it, and what does."""
    import polars as pl

    return [pl.when(reason.is_null()).then(value).alias(name), reason.alias(f"{name}__reason")]


def _median(name: str, value: pl.Expr, count: pl.Expr, coverage: Coverage | None) -> list[pl.Expr]:
    import polars as pl

    too_few = pl.when(count.fill_null(0) < MEDIAN_SALES).then(pl.lit(TOO_FEW))
    return _explained(name, value, pl.coalesce(_uncovered(MEDIAN_DAYS, coverage), too_few))


def _volume(coverage: Coverage | None) -> list[pl.Expr]:
    import polars as pl

    only_last = pl.lit(None if coverage is not None and coverage.lists_all else LAST_SALES_ONLY, pl.String)
    count = pl.col(f"n_{VOLUME_DAYS}").fill_null(0).cast(pl.Int64)
    return _explained("sales_volume_30d", count, pl.coalesce(only_last, _uncovered(VOLUME_DAYS, coverage)))


def _trend(days: int, coverage: Coverage | None) -> list[pl.Expr]:
    """The change over the window by a straight line; over a year, else the index."""
    import polars as pl

    slope, count = pl.col(f"slope_{days}"), pl.col(f"m_{days}").fill_null(0)
    too_few = pl.when((count < TREND_SALES[days]) | slope.is_null()).then(pl.lit(TOO_FEW))
    reason = pl.coalesce(_uncovered(days, coverage), too_few)
    value = (slope * days).exp() - 1
    name = f"price_trend_{days}d"
    if days != max(TREND_DAYS):
        return _explained(name, value, reason)
    change = pl.col("index_change")
    own = pl.when(reason.is_null()).then(value).otherwise(change)
    return _explained(name, own, pl.when(reason.is_not_null() & change.is_null()).then(pl.lit(NO_INDEX)))


def trend_of(days_and_prices: list[tuple[float, float]], days: int) -> float | None:
    """The change over a window of `days` by least squares through (day, log price); None where all are of one day.

    The definition in plain words, for one window: what `market_features` computes for all of them at once.
    """
    n = len(days_and_prices)
    mean_day = math.fsum(day for day, _ in days_and_prices) / n
    mean_log = math.fsum(math.log(price) for _, price in days_and_prices) / n
    spread = math.fsum((day - mean_day) ** 2 for day, _ in days_and_prices)
    if spread == 0:
        return None
    together = math.fsum((day - mean_day) * (math.log(price) - mean_log) for day, price in days_and_prices)
    return math.expm1(together / spread * days)

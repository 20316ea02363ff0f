"""Which sales count, what was known of the property on the day, and settings with a reason each."""

from __future__ import annotations

import datetime as dt
from typing import Any

import polars as pl
import pytest

from real_estate_assets.core.valuation.sale_rules import valid_sales
from real_estate_assets.core.valuation.settings import reviewed, valuation_settings
from real_estate_assets.core.valuation.training import training_rows
from tests.unit.valuation_samples import made_features, made_sales

TODAY = dt.date(2021, 6, 1)


def broken(**change: Any) -> tuple[str, ...]:
    """The rules that one sale breaks once something about it is changed; all other sales are kept."""
    sales = made_sales(made_features(5))
    columns = [
        pl.when(pl.col("sale_id") == "s0002")
        .then(pl.lit(value, sales.schema[name]))
        .otherwise(pl.col(name))
        .alias(name)
        for name, value in change.items()
    ]
    kept, dropped = valid_sales(sales.with_columns(columns), TODAY)
    assert kept.height + sum(one.sale_count for one in dropped) == 5
    assert kept.height >= 4
    assert all(one.reason for one in dropped)
    return tuple(one.rule for one in dropped if one.sale_count)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"sale_date": None}, "date_unknown"),
        ({"sale_date": dt.date(2021, 6, 2)}, "dated_in_the_future"),
        ({"sale_price_usd": None}, "price_unknown"),
        ({"sale_price_usd": float("nan")}, "price_unknown"),
        ({"sale_price_usd": float("inf")}, "price_unknown"),
        ({"sale_price_usd": 0.0}, "price_not_positive"),
        ({"sale_price_usd": -5.0}, "price_not_positive"),
        ({"sale_price_usd": 1.0, "is_price_nominal": True}, "nominal_price"),
        ({"is_multi_property_sale": True}, "several_properties"),
        ({"property_id": None}, "property_unknown"),
        ({"sale_date": None, "sale_price_usd": None}, "date_unknown"),
    ],
)
def test_each_bad_sale_is_dropped_by_its_rule_and_counted_once(change: dict[str, Any], rule: str) -> None:
    assert broken(**change) == (rule,)


def test_what_is_unknown_about_the_deed_drops_nothing() -> None:
    assert broken(is_price_nominal=None) == ()
    assert broken(sale_date=TODAY) == ()


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match="is_price_nominal"):
        valid_sales(made_sales(made_features(3)).drop("is_price_nominal"), TODAY)


def test_a_sale_is_joined_to_what_was_known_on_its_day_and_never_to_what_came_after() -> None:
    day = dt.datetime(2020, 5, 1, tzinfo=dt.UTC)
    features = pl.DataFrame(
        {
            "property_id": ["a", "a", "a", "b"],
            "event_at": [day - dt.timedelta(days=30), day, day + dt.timedelta(days=1), day + dt.timedelta(days=1)],
            "created_at": [day] * 4,
            "latitude": [1.0, 2.0, 3.0, 4.0],
            "longitude": [1.0, 2.0, 3.0, 4.0],
            "bedrooms": [1, 2, 3, 4],
        }
    )
    sales = made_sales(made_features(3)).with_columns(
        property_id=pl.Series(["a", "a", "b"]),
        sale_date=pl.Series([day.date(), day.date() - dt.timedelta(days=1), day.date()]),
    )
    frame, (dropped,) = training_rows(sales, features)
    assert frame["bedrooms"].to_list() == [1, 2]
    assert frame["sale_date"].is_sorted()
    assert (dropped.rule, dropped.sale_count) == ("no_features_at_sale", 1)


def test_of_two_rows_of_one_day_the_one_made_last_counts() -> None:
    features = made_features(1).drop("bedrooms")
    made = [dt.datetime(2022, 1, day, tzinfo=dt.UTC) for day in (2, 1)]
    twice = pl.concat([features, features]).with_columns(created_at=pl.Series(made), bedrooms=pl.Series([2, 1]))
    assert training_rows(made_sales(features), twice).frame["bedrooms"].to_list() == [2]


def test_the_feature_rows_must_say_when() -> None:
    features = made_features(2)
    with pytest.raises(ValueError, match="event_at"):
        training_rows(made_sales(features), features.drop("event_at"))


def test_every_setting_has_a_reason_and_an_unknown_one_is_refused() -> None:
    assert set(reviewed()) == set(type(valuation_settings()).model_fields)
    assert all(len(entry["reason"].split()) > 3 for entry in reviewed().values())
    with pytest.raises(ValueError, match="tress"):
        valuation_settings(tress=3)
    with pytest.raises(ValueError, match="area_feature"):
        valuation_settings(area_feature="nothing")
    with pytest.raises(ValueError, match="ascend"):
        valuation_settings(neighbour_counts=(15, 5))

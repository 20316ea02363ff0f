"""Made sales of a made town, for the tests of the valuation: prices follow size, age, place and time, with noise.

Belongs here: rows as the features and the mart give them, and settings small enough for a test. Not a test itself.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import polars as pl

from real_estate_assets.core.valuation.settings import ValuationSettings, valuation_settings
from real_estate_assets.core.valuation.training import training_rows

FIRST = dt.date(2020, 1, 1)
SMALL: dict[str, Any] = {
    "trees": 30, "learning_rate": 0.2, "depth": 4, "bins": 32, "threads": 1, "difficulty_trees": 20,
    "history_trees": 25, "history_learning_rate": 0.2, "history_blocks": 6, "minimum_block": 40,
    "nowcast_minimum": 10, "interval_minimum": 15,
}  # fmt: skip


def small_settings(**overrides: Any) -> ValuationSettings:
    """The reviewed settings with few trees."""
    return valuation_settings(**{**SMALL, **overrides})


def made_features(count: int = 500, seed: int = 1, days: int = 400) -> pl.DataFrame:
    """One feature row per property, dated on the day of its sale."""
    draw = np.random.default_rng(seed)
    on = np.sort(draw.integers(0, days, count))
    return pl.DataFrame(
        {
            "property_id": [f"p{number:04d}" for number in range(count)],
            "event_at": [dt.datetime(2020, 1, 1, tzinfo=dt.UTC) + dt.timedelta(days=int(day)) for day in on],
            "latitude": 47.5 + draw.normal(0, 0.05, count),
            "longitude": -122.2 + draw.normal(0, 0.07, count),
            "building_sqft": np.exp(draw.normal(7.5, 0.35, count)),
            "bedrooms": draw.integers(1, 6, count),
            "year_built": draw.integers(1900, 2015, count),
            "grade_score": draw.integers(4, 11, count).astype(float),
            "use_code": draw.choice(["101", "102", "104"], count),
        }
    )


def made_sales(features: pl.DataFrame, seed: int = 2, noise: float = 0.12) -> pl.DataFrame:
    """One sale per feature row, on its day, as fct_sales gives it."""
    draw = np.random.default_rng(seed)
    days = np.array([(at.date() - FIRST).days for at in features["event_at"]])
    logs = (
        5.2
        + 0.9 * np.log(features["building_sqft"].to_numpy())
        + 0.06 * features["grade_score"].to_numpy()
        + 3.0 * (features["latitude"].to_numpy() - 47.5)
        + 0.0005 * days
        + draw.normal(0, noise, features.height)
    )
    return pl.DataFrame(
        {
            "sale_id": [f"s{number:04d}" for number in range(features.height)],
            "property_id": features["property_id"],
            "sale_date": [FIRST + dt.timedelta(days=int(day)) for day in days],
            "sale_price_usd": np.exp(logs),
            "is_price_nominal": False,
            "is_multi_property_sale": pl.Series([None] * features.height, dtype=pl.Boolean),
        }
    )


def made_training(count: int = 500, seed: int = 1) -> pl.DataFrame:
    """Training rows of the made town."""
    features = made_features(count, seed)
    return training_rows(made_sales(features), features).frame

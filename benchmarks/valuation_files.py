"""The two public files of sales, in the shape in which the platform hands its sales and features to the model.

Belongs here: reading them for choosing settings and for tables, without a database. Does not belong here: any promise:
those are read from the platform's own tables (`gates/valuation_accuracy.py`), which go the whole way.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING

from real_estate_assets.settings import Settings

if TYPE_CHECKING:
    import polars as pl

FILES = ("king_county", "lucas")
_STORIES = {"one": 1.0, "one+half": 1.5, "two": 2.0, "two+half": 2.5, "three": 3.0}


def training_of(name: str) -> pl.DataFrame:
    """Training rows of one file. Raises FileNotFoundError where the test data is not here."""
    from real_estate_assets.core.valuation.sale_rules import valid_sales
    from real_estate_assets.core.valuation.training import training_rows

    sales, features = {"king_county": _king_county, "lucas": _lucas}[name](Settings(environment="test").test_data_dir)
    kept, _ = valid_sales(sales, dt.datetime.now(dt.UTC).date())
    return training_rows(kept, features).frame


def before_the_test(training: pl.DataFrame, test_share: float) -> pl.DataFrame:
    """The rows on which settings may be chosen: everything before the first day of the test window."""
    import polars as pl

    first = training["sale_date"][int(training.height * (1 - test_share))]
    return training.filter(pl.col("sale_date") < first)


def _king_county(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl

    text = {"id": pl.String, "zipcode": pl.String, "floors": pl.String, "date": pl.String}
    rows = pl.read_csv(folder / "king_county" / "kc_house_data.csv", schema_overrides=text)
    rows = rows.with_columns(day=pl.col("date").str.slice(0, 8).str.to_date("%Y%m%d"))
    features = rows.select(
        property_id="id", event_at="day", latitude="lat", longitude="long", postal_code="zipcode",
        building_sqft="sqft_living", above_grade_area_sqft="sqft_above", basement_sqft="sqft_basement",
        lot_size_sqft="sqft_lot", stories=pl.col("floors").cast(pl.Float64), year_built="yr_built",
        bedrooms=_above("bedrooms", 0), bathrooms=_above("bathrooms", 0),
        renovation_year=_above("yr_renovated", 0), condition_score=pl.col("condition") * 2, grade_score="grade",
        view_score="view", is_waterfront=pl.col("waterfront") == 1,
        neighborhood_living_area_sqft="sqft_living15", neighborhood_lot_size_sqft="sqft_lot15",
    )  # fmt: skip
    return _sales(rows, "id"), features


def _lucas(folder: Path) -> tuple[pl.DataFrame, pl.DataFrame]:
    import polars as pl
    from pyproj import Transformer

    rows = pl.read_csv(folder / "lucas" / "lucas_house.csv", schema_overrides={"sdate": pl.Float64})
    to_degrees = Transformer.from_crs("EPSG:32122", "EPSG:4326", always_xy=True)
    longitude, latitude = to_degrees.transform(rows["long"].to_numpy(), rows["lat"].to_numpy())
    sold = (19_000_000 + pl.col("sdate").cast(pl.Int64)).cast(pl.String).str.to_date("%Y%m%d")
    rows = rows.with_columns(day=sold, number=pl.int_range(pl.len()).cast(pl.String))
    features = rows.select(
        property_id="number", event_at="day", latitude=pl.Series(latitude), longitude=pl.Series(longitude),
        building_sqft="TLA", lot_size_sqft="lotsize", year_built="yrbuilt", rooms_total="rooms",
        bedrooms="beds", bathrooms=pl.col("baths") + 0.5 * pl.col("halfbaths"),
        stories=pl.col("stories").replace_strict(_STORIES, default=None),
    )  # fmt: skip
    return _sales(rows, "number"), features


def _sales(rows: pl.DataFrame, key: str) -> pl.DataFrame:
    import polars as pl

    return rows.select(
        sale_id=pl.int_range(pl.len()).cast(pl.String).str.zfill(6), property_id=key, sale_date="day",
        sale_price_usd=pl.col("price").cast(pl.Float64), is_price_nominal=pl.lit(False),
        is_multi_property_sale=pl.lit(None, pl.Boolean),
    )  # fmt: skip


def _above(name: str, floor: float) -> pl.Expr:
    import polars as pl

    return pl.when(pl.col(name) > floor).then(pl.col(name))

"""A made tenant whose sales are enough for a small model, and one whose sales are not.

Belongs here: rows, descriptions and settings of a few trees, for tests of the valuation. Does not belong here: any
assertion.
"""

from __future__ import annotations

import datetime as dt
import random
from typing import Any

from real_estate_assets.core.valuation.settings import ValuationSettings, valuation_settings
from tests.made_platform import SOUTH, STEP, WEST

HEADER = ["ML", "Zip", "Living", "Lot", "Beds", "Built", "Cond", "Water", "Date", "Price", "Lat", "Long"]
FIRST_SALE, FILE_DATE = dt.date(2014, 1, 2), "2014-12-31"
COUNT, FEW = 320, 12
# What is wrong with the rows after the sound ones, by parcel.
BAD = {
    "FUTURE": "sold on a day that has not come",
    "NOMINAL": "sold for a dollar",
    "NOWHERE": "has no place",
    "BLANK": "says nothing but what it was sold for",
}


def small_settings() -> ValuationSettings:
    """The product's settings with few trees and a walk that fits a year of few sales."""
    return valuation_settings(
        trees=12, history_trees=10, difficulty_trees=8, learning_rate=0.3, history_learning_rate=0.3, history_blocks=4,
        minimum_block=40, minimum_sales=200, neighbour_counts=(3, 5, 10), nowcast_minimum=10, interval_minimum=10,
        minimum_carriers=20, threads=1,
    )  # fmt: skip


def sale_rows(count: int = COUNT, *, seed: int = 1, price_factor: float = 1.0) -> list[list[Any]]:
    """`count` sales of as many houses over the year 2014, and one row for each of BAD where count is COUNT or more.

    A price is 200 dollars a square foot, more in the east, 10 % off by chance.
    """
    made = random.Random(seed)
    rows = [_house(made, f"S{i}", FIRST_SALE + dt.timedelta(days=i * 355 // count), price_factor) for i in range(count)]
    return rows if count < COUNT else [*rows, *_bad(made)]


def _house(made: random.Random, parcel: str, sold: dt.date, price_factor: float) -> list[Any]:
    living, east, north = made.randrange(800, 3200, 10), made.randrange(60), made.randrange(60)
    price = round(living * (200 + 3 * east) * made.gauss(1, 0.1) * price_factor)
    row = [
        parcel,
        f"0213{east // 30}",
        living,
        living * 3,
        1 + living // 900,
        1950 + made.randrange(60),
        1 + made.randrange(5),
    ]
    return [*row, int(made.random() < 0.02), sold, price, SOUTH + STEP * north, WEST + STEP * east]


def _bad(made: random.Random) -> list[list[Any]]:
    future, nominal, nowhere, blank = (_house(made, parcel, dt.date(2014, 6, 1), 1) for parcel in BAD)
    future[8] = dt.date(2099, 1, 1)
    nominal[9] = 1
    nowhere[10:] = ["", ""]
    blank[1:8] = [""] * 7
    blank[10:] = ["", ""]
    return [future, nominal, nowhere, blank]


SOURCE: dict[str, Any] = {
    "name": "sales",
    "kind": "sales_file",
    "record_type": "property",
    "format": "csv",
    "crs": "EPSG:4326",
    "licence": "CC0-1.0",
    "origin": "made for a test",
    "columns": {
        "parcel_number": "ML",
        "postal_code": "Zip",
        "living_area_sqft": "Living",
        "lot_size_sqft": "Lot",
        "bedrooms_total": "Beds",
        "year_built": "Built",
        "condition_score": "Cond",
        "is_waterfront": {"column": "Water", "values": {"0": False, "1": True}},
        "sale_date": {"column": "Date", "date": "%Y-%m-%d"},
        "sale_price_usd": "Price",
        "latitude": "Lat",
        "longitude": "Long",
    },
    "files": [{"uri": "sales.csv", "vintage": FILE_DATE}],
}

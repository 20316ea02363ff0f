"""The gate of comparables: it values what it says, and it sees a comparable that nobody could have known."""

from __future__ import annotations

import datetime as dt

import numpy as np
import polars as pl
import pytest

from benchmarks.gates import valuation_comparables as gate
from real_estate_assets.core.valuation.comparables import Comparable
from tests.unit.valuation_samples import made_training, small_settings

DAY = dt.date(2020, 6, 1)


def comparable(sale_id: str, price: float = 100.0) -> Comparable:
    return Comparable(sale_id, "?", DAY, price, 1.0, 1, 1, None, None, 1, 0.0, None, None, price, "")


def test_a_made_town_is_valued_whole_and_by_what_was_known() -> None:
    training = made_training(260)
    judged = gate.judged(training, small_settings(history_blocks=3))
    _, test = gate.windows(training, small_settings())
    assert len(judged.prices) == test.height
    assert judged.misplaced == []
    assert judged.found == gate.TEN * test.height
    lines = {line["name"].rsplit(".", 1)[1]: line for line in gate.lines_of("made_town", judged, "left out: none")}
    assert lines["not_known_on_the_day"]["value"] == 0
    assert lines["mean_of_ten_mdape"]["value"] == round(gate.mdape(judged.raw, judged.prices), 2)
    assert not gate.at_most(gate.MDAPE).holds(gate.MDAPE + 0.1)


def test_what_nobody_could_have_known_is_seen() -> None:
    sales = pl.DataFrame(
        {
            "sale_id": ["question", "earlier", "same_day", "own", "later"],
            "property_id": ["p1", "p2", "p3", "p1", "p4"],
            "sale_date": [DAY, DAY - dt.timedelta(1), DAY, DAY - dt.timedelta(9), DAY + dt.timedelta(1)],
            "price_usd": [100.0] * 5,
        }
    )
    good = [comparable("earlier")] * (gate.TEN - 4)
    bad = [comparable("same_day"), comparable("own"), comparable("later"), comparable("earlier", 90.0)]
    seen = list(gate._misplaced(sales[:1], sales, [good + bad]))
    assert [text.split(" ")[0] for text in seen] == ["same_day", "own", "later", "earlier"]
    assert list(gate._misplaced(sales[:1], sales, [good])) == ["question has 6 comparables"]


def test_the_nearest_are_earlier_sales_of_others() -> None:
    training = made_training(60)
    asked = training[55:56]
    earlier = training.filter((pl.col("sale_date") < asked["sale_date"][0]) & (pl.col("property_id") != "p0055"))
    east = np.cos(np.deg2rad(training["latitude"].median()))
    away = (earlier["latitude"] - asked["latitude"][0]) ** 2 + (
        (earlier["longitude"] - asked["longitude"][0]) * east
    ) ** 2
    expected = earlier.with_columns(away=away).sort("away")["price_usd"][: gate.TEN].mean()
    assert gate.mean_of_nearest(asked, training)[0] == pytest.approx(expected)
    with pytest.raises(ValueError, match="no location"):
        gate.mean_of_nearest(asked.with_columns(latitude=pl.lit(None, pl.Float64)), training)

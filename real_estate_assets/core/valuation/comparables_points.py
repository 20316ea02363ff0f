"""What is published of a sale so that it can be found and compared, and how it is read back.

Belongs here: the points of all training sales, the candidate that a found point is, the subject. Does not belong here:
the store that keeps the points (`stores/vectors`), the order of candidates (`comparables.py`).

Publishing: `space = sale_space(training, bag.base_booster, bag.encoder, threads)`, kept beside the model as bytes;
`model = SaleModel.of(bag, space)`; `sale_points(training, model, valued_on)`. Asking: `subjects(rows, model, days)`,
the store's `search` for `RETRIEVED` points before the day, `candidate` of each hit, `comparables.comparables`.

A point carries its leaves, so that the comparison leaf by leaf needs no other source than the points themselves: points
and leaves of one publication always come from one model.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from real_estate_assets.core.valuation.boosting import predict
from real_estate_assets.core.valuation.comparables import SaleCandidate, Subject
from real_estate_assets.core.valuation.comparables_vectors import (
    TREES,
    LeafSpace,
    leaf_space,
    leaves_as_text,
    leaves_from_text,
    leaves_of,
)
from real_estate_assets.core.valuation.comparables_words import FACT_NAMES
from real_estate_assets.core.valuation.matrix import day_number, days

if TYPE_CHECKING:
    import numpy as np
    import polars as pl
    import xgboost
    from numpy.typing import NDArray

    from real_estate_assets.core.valuation.matrix import Encoder
    from real_estate_assets.core.valuation.model import Bag


class SaleModel(NamedTuple):
    """The member of the model by which sales are compared: trees over base columns, log US dollars out. space: where
    its leaves stand, made of the training sales by `sale_space`."""

    booster: xgboost.Booster
    encoder: Encoder
    space: LeafSpace
    threads: int

    @classmethod
    def of(cls, bag: Bag, space: LeafSpace) -> SaleModel:
        """The base member of a bag, with the space of its training sales."""
        return cls(bag.base_booster, bag.encoder, space, bag.settings.threads)


class SalePoints(NamedTuple):
    """One position a sale: in order the fields of `stores.vectors.VectorPoints`."""

    keys: list[str]
    property_ids: list[str]
    days: list[dt.date]
    vectors: NDArray[np.float32]
    payloads: list[dict[str, Any]]


def sale_space(
    training: pl.DataFrame, booster: xgboost.Booster, encoder: Encoder, threads: int, trees: int = TREES
) -> LeafSpace:
    """The space of leaves of training rows (training.TrainingRows.frame). The same rows give the same space."""
    return leaf_space(leaves_of(booster, encoder.base(training, days(training["sale_date"])), threads, trees))


def sale_points(sales: pl.DataFrame, model: SaleModel, valued_on: dt.date) -> SalePoints:
    """The points of sales (rows as of training.TrainingRows.frame), each placed as it was on its own day.

    valued_on: the day on which the model also says what each sold house is worth, for the adjustment for time.
    """
    on = days(sales["sale_date"])
    at_sale = model.encoder.base(sales, on)
    leaves = leaves_of(model.booster, at_sale, model.threads, model.space.trees)
    logs = predict(model.booster, at_sale, model.threads)
    logs_when_valued = predict(model.booster, _on_one_day(sales, model, valued_on), model.threads)
    rows = sales.iter_rows(named=True)
    payloads = [
        {
            "price_usd": float(row["price_usd"]),
            "latitude": _number(row["latitude"]),
            "longitude": _number(row["longitude"]),
            "leaves": leaves_as_text(leaves[number]),
            "log_at_sale": float(logs[number]),
            "log_when_valued": float(logs_when_valued[number]),
            "valued_on": valued_on.isoformat(),
            "facts": _facts(row),
        }
        for number, row in enumerate(rows)
    ]
    keys, owners = ([str(one) for one in sales[name]] for name in ("sale_id", "property_id"))
    return SalePoints(keys, owners, sales["sale_date"].to_list(), model.space.place(leaves), payloads)


def candidate(
    sale_id: str, property_id: str, sale_date: dt.date, payload: Mapping[str, Any], valued_on: dt.date
) -> SaleCandidate:
    """The sale that a found point is. Its estimate when valued counts only for the day it was made for.

    Raises KeyError or ValueError for a payload that `sale_points` did not write.
    """
    is_same_day = payload["valued_on"] == valued_on.isoformat()
    return SaleCandidate(
        sale_id=sale_id,
        property_id=property_id,
        sale_date=sale_date,
        price_usd=float(payload["price_usd"]),
        leaves=leaves_from_text(payload["leaves"]),
        log_at_sale=float(payload["log_at_sale"]),
        log_when_valued=float(payload["log_when_valued"]) if is_same_day else None,
        latitude=payload["latitude"],
        longitude=payload["longitude"],
        facts=payload["facts"],
    )


def subjects(
    rows: pl.DataFrame, model: SaleModel, valued_on: Sequence[dt.date]
) -> tuple[list[Subject], NDArray[np.float32]]:
    """Properties (feature rows with property_id, latitude, longitude) as subjects, each on its own day, and their
    vectors [n, 64] to search with."""
    import numpy as np

    on = np.array([day_number(day) for day in valued_on], np.int64)
    matrix = model.encoder.base(rows, on)
    leaves = leaves_of(model.booster, matrix, model.threads, model.space.trees)
    logs = predict(model.booster, matrix, model.threads)
    made = [
        Subject(
            property_id=str(row["property_id"]),
            valued_on=valued_on[number],
            leaves=leaves[number],
            log_estimate=float(logs[number]),
            latitude=_number(row["latitude"]),
            longitude=_number(row["longitude"]),
            facts=_facts(row),
        )
        for number, row in enumerate(rows.iter_rows(named=True))
    ]
    return made, model.space.place(leaves)


def _on_one_day(rows: pl.DataFrame, model: SaleModel, day: dt.date) -> NDArray[np.float32]:
    import numpy as np

    return model.encoder.base(rows, np.full(rows.height, day_number(day), np.int64))


def _facts(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in FACT_NAMES if row.get(name) is not None}


def _number(value: Any) -> float | None:
    return None if value is None or math.isnan(value) else float(value)

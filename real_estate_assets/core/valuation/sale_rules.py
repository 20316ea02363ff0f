"""Which sales may teach and judge the model, and by which rule each other sale is left out.

Belongs here: the rules, in order, and their counting. Does not belong here: a rule that looks at an estimate: a sale
that the model predicts badly stays in. The mart fct_sales says
what is a nominal price and what a deed of several properties.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl

NEEDED = ("sale_id", "property_id", "sale_date", "sale_price_usd", "is_price_nominal", "is_multi_property_sale")


class DroppedSales(NamedTuple):
    """How many sales broke which rule; each sale counts under the first rule it breaks."""

    rule: str
    reason: str
    sale_count: int


def valid_sales(sales: pl.DataFrame, known_on: dt.date) -> tuple[pl.DataFrame, list[DroppedSales]]:
    """The sales (rows of fct_sales) that break no rule, in order of (sale_date, sale_id), and what the others broke.

    `known_on` is the day of the question: a sale dated after it cannot have happened. Every rule is listed, also one
    that no sale broke. Raises ValueError where a column is missing.
    """
    import polars as pl

    missing = [name for name in NEEDED if name not in sales.columns]
    if missing:
        raise ValueError(f"the sales lack {', '.join(missing)}: they are read from the mart fct_sales")
    rules = _rules(known_on)
    broken = pl.coalesce([pl.when(condition.fill_null(False)).then(pl.lit(rule)) for rule, _, condition in rules])
    judged = sales.with_columns(broken.alias("_broken"))
    counts = dict(judged["_broken"].value_counts().rows())
    kept = judged.filter(pl.col("_broken").is_null()).drop("_broken").sort("sale_date", "sale_id")
    return kept, [DroppedSales(rule, reason, int(counts.get(rule, 0))) for rule, reason, _ in rules]


def _rules(known_on: dt.date) -> list[tuple[str, str, pl.Expr]]:
    import polars as pl

    price, day = pl.col("sale_price_usd").cast(pl.Float64), pl.col("sale_date")
    return [
        ("date_unknown", "a sale without a date stands nowhere in time", day.is_null()),
        ("dated_in_the_future", f"dated after {known_on}, the day of the question", day > known_on),
        ("price_unknown", "no price, or no number", price.is_null() | price.is_nan() | price.is_infinite()),
        ("price_not_positive", "a price of nothing or less is no price", price <= 0),
        ("nominal_price", "a token price (a gift, a deed in the family): fct_sales.is_price_nominal",
         pl.col("is_price_nominal").cast(pl.Boolean)),
        ("several_properties", "one price for several is the price of none: fct_sales.is_multi_property_sale",
         pl.col("is_multi_property_sale").cast(pl.Boolean)),
        ("property_unknown", "the sale names no property", pl.col("property_id").is_null()),
    ]  # fmt: skip

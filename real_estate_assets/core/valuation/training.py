"""Training rows: every valid sale beside what was known of its property on that day, and nothing later.

Belongs here: the point-in-time join and the sales that it leaves without features. Does not belong here: which sales
are valid (`sale_rules.py`), what the model makes of the columns (`matrix.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from real_estate_assets.core.valuation.sale_rules import DroppedSales

if TYPE_CHECKING:
    import polars as pl

KEYS = ("sale_id", "property_id", "sale_date", "price_usd", "latitude", "longitude")
_NO_FEATURES = DroppedSales(
    "no_features_at_sale",
    "nothing was known of the property on or before the day of the sale: what a later file says may describe what the"
    " buyer built",
    0,
)


class TrainingRows(NamedTuple):
    """`frame`: KEYS, then every feature column as it stood on the day of the sale; by (sale_date, sale_id)."""

    frame: pl.DataFrame
    dropped: tuple[DroppedSales, ...]


def training_rows(sales: pl.DataFrame, features: pl.DataFrame) -> TrainingRows:
    """Join valid sales to features.property_features: per sale the newest row with event_at no later than its date.

    Days are days of UTC. Of several rows of one day the one made last counts. A sale whose property has no such row is
    dropped and counted. Raises ValueError where a needed column is missing.
    """
    import polars as pl

    lacking = [name for name in ("property_id", "event_at", "latitude", "longitude") if name not in features.columns]
    if lacking:
        raise ValueError(f"the feature rows lack {', '.join(lacking)}: they are read from features.property_features")
    sold = sales.select(
        pl.col("sale_id").cast(pl.String), pl.col("property_id").cast(pl.String), pl.col("sale_date").cast(pl.Date),
        pl.col("sale_price_usd").cast(pl.Float64).alias("price_usd"),
    ).sort("sale_date", "sale_id")  # fmt: skip
    order = [
        name for name in ("_event_on", "event_at", "created_at") if name == "_event_on" or name in features.columns
    ]
    known = (
        features.with_columns(pl.col("property_id").cast(pl.String), _day(features).alias("_event_on"))
        .filter(pl.col("_event_on").is_not_null())
        .sort(order, maintain_order=True)
        .drop("created_at", "sale_id", "sale_date", "price_usd", strict=False)
        .with_columns(pl.lit(True).alias("_known"))
    )
    joined = sold.join_asof(
        known, left_on="sale_date", right_on="_event_on", by="property_id", strategy="backward", check_sortedness=False
    )
    kept = joined.filter(pl.col("_known"))
    rest = [name for name in kept.columns if name not in (*KEYS, "_known", "_event_on")]
    frame = kept.select(*KEYS, *rest).sort("sale_date", "sale_id")
    return TrainingRows(frame, (_NO_FEATURES._replace(sale_count=joined.height - frame.height),))


def _day(features: pl.DataFrame) -> pl.Expr:
    import polars as pl

    kind = features.schema["event_at"]
    if isinstance(kind, pl.Datetime) and kind.time_zone:
        return pl.col("event_at").dt.convert_time_zone("UTC").dt.date()
    return pl.col("event_at").cast(pl.Date)

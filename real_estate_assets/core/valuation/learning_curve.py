"""How the error falls with the number of sales: what `minimum_sales` was read off.

Belongs here: drawing smaller tenants from a larger one and walking them forward. Does not belong here: choosing the
minimum, which people did (settings.yaml says from which figures).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from real_estate_assets.core.valuation.backtest import walk_forward
from real_estate_assets.core.valuation.history import sale_history

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.valuation.settings import ValuationSettings


def learning_curve(
    training: pl.DataFrame, settings: ValuationSettings, sizes: Sequence[int], judged: int = 400
) -> pl.DataFrame:
    """One row per size: what a tenant with so many of these sales would get, on its own newest test_share of them.

    Tenants are drawn without replacement from all training rows, as many as it takes to judge about `judged` sales.
    Columns: sale_count, tenants, judged_count, median_error and within_10pct of the model, neighbour_error (the median
    error of the nearest earlier sales' price per square foot, which needs no model), coverage (of the interval, of the
    sales that got one) and interval_share (of the sales, that did). Raises ValueError for a size above what there is.
    """
    import polars as pl

    if max(sizes) > training.height:
        raise ValueError(f"{max(sizes):,} sales asked for, {training.height:,} there")
    rows = []
    for size in sizes:
        tenants = max(1, min(20, round(judged / (size * settings.test_share))))
        drawn = [training.sample(size, seed=settings.seed + number) for number in range(tenants)]
        walked = pl.concat([_walked(one.sort("sale_date", "sale_id"), settings) for one in drawn])
        rows.append({"sale_count": size, "tenants": tenants, **_judged(walked)})
    return pl.DataFrame(rows)


def _walked(training: pl.DataFrame, settings: ValuationSettings) -> pl.DataFrame:
    """The test rows of one drawn tenant, with what its nearest earlier sales alone would have said."""
    import numpy as np
    import polars as pl

    history = sale_history(training, settings)
    floor = training.select("sale_id").with_columns(pl.Series("neighbours_usd", np.exp(history.anchor)))
    walk = walk_forward(training, settings, history)
    return walk.filter("is_test").join(floor, on="sale_id", maintain_order="left")


def _judged(walked: pl.DataFrame) -> dict[str, float | int | None]:
    import polars as pl

    price = pl.col("price_usd")
    miss, floor = ((pl.col(name) / price - 1).abs() for name in ("predicted_usd", "neighbours_usd"))
    inside = price.is_between(pl.col("low_usd"), pl.col("high_usd"))
    told = walked.select(
        judged_count=pl.len(),
        median_error=miss.median(),
        within_10pct=(miss <= 0.10).mean(),
        neighbour_error=floor.fill_nan(None).median(),
        coverage=inside.mean(),
        interval_share=inside.is_not_null().mean(),
    )
    return told.row(0, named=True)

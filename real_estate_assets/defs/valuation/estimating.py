"""One row for every property of a tenant: its estimate with interval and evidence, or null with the reason.

Belongs here: joining estimates to the feature rows they came from. Does not belong here: the estimates themselves
(`core/valuation/estimates.py`), their trust (computed at read by the database).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.warehouse.valuation import BACKTEST_COLUMNS, ESTIMATE_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

    from real_estate_assets.core.valuation.settings import ValuationSettings
    from real_estate_assets.defs.valuation.gathering import Gathered
    from real_estate_assets.defs.valuation.modelling import Modelled


def estimates_of(gathered: Gathered, modelled: Modelled | None, settings: ValuationSettings) -> pl.DataFrame:
    """Columns of core/valuation/estimates.estimate for every property, in the order of `gathered.latest`."""
    from real_estate_assets.core.valuation.estimates import TOO_FEW_SALES, estimate, no_estimates

    if modelled is None:
        return no_estimates(gathered.latest["property_id"], TOO_FEW_SALES)
    valued_on = modelled.record.valued_on
    return estimate(modelled.bag, modelled.backtest, gathered.latest, valued_on, settings)


def estimate_rows(
    estimates: pl.DataFrame,
    gathered: Gathered,
    model_id: str | None,
    settings: ValuationSettings,
    unlearnable: Sequence[Sequence[str]],
) -> Sequence[Sequence[Any]]:
    """Rows in the order of ESTIMATE_COLUMNS. unlearnable: for each property, the traits whose effect is not known."""
    import polars as pl

    has_interval = pl.col("low_usd").is_not_null()
    frame = estimates.with_columns(
        pl.lit(gathered.valued_on).alias("valued_on"),
        pl.when(has_interval).then(pl.lit(settings.interval_level)).alias("interval_level"),
        pl.lit(model_id, pl.String).alias("model_id"),
        gathered.latest["event_at"].alias("feature_event_at"),
        gathered.latest["run_ids"].alias("feature_run_ids"),
        *(gathered.latest[name] for name in ("file_no", "evidence_no", "record_no")),
        pl.Series("unlearnable", [list(one) for one in unlearnable], pl.List(pl.String)),
    )
    return frame.select(ESTIMATE_COLUMNS).rows()


def backtest_rows(backtest: pl.DataFrame, model_id: str) -> Sequence[Sequence[Any]]:
    """Rows in the order of BACKTEST_COLUMNS, of a backtest with its strata."""
    import polars as pl

    frame = backtest.rename({"price_usd": "sale_price_usd"}).with_columns(pl.lit(model_id).alias("model_id"))
    return frame.select(BACKTEST_COLUMNS).rows()

"""The ratio study of a model: its test sales as a whole, by class, area and value; how its intervals covered them.

Belongs here: which sales are studied and which strata. Does not belong here: the figures (`core/ratio_study`), verdicts
on them (`checks.py`).

Studied are the sales of the test window alone: by them nothing was chosen, and each was predicted before it happened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.stores.warehouse.valuation import RATIO_STUDY_COLUMNS

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.ratio_study import RatioStudy, SalesChasing

STRATA = {"class": "use_code", "area": "postal_code"}  # kind of stratum -> column of the property's features
EVERYTHING = "all"


@dataclass(frozen=True)
class Coverage:
    """How many of some test sales lay inside their interval. terciles are of the predicted value, 1 the cheapest."""

    name: str
    sale_count: int
    inside_count: int

    @property
    def share(self) -> float:
        """0 to 1."""
        return self.inside_count / self.sale_count


@dataclass(frozen=True)
class Studied:
    """A model's test sales, judged. whole: None for fewer than two sales; rows: in the order of RATIO_STUDY_COLUMNS."""

    test: pl.DataFrame
    whole: RatioStudy | None
    chasing: SalesChasing | None
    coverage: Sequence[Coverage]
    rows: Sequence[Sequence[Any]]


def with_strata(backtest: pl.DataFrame, training: pl.DataFrame) -> pl.DataFrame:
    """The backtest with what its strata and maps need: class, area and place of each sale, null where unknown."""
    import polars as pl

    names = [name for name in (*STRATA.values(), "latitude", "longitude") if name in training.columns]
    kept = training.select("sale_id", *names)
    found = backtest.drop([name for name in names if name in backtest.columns]).join(
        kept, on="sale_id", how="left", maintain_order="left"
    )
    absent = [name for name in STRATA.values() if name not in found.columns]
    return found.with_columns(pl.lit(None, pl.String).alias(name) for name in absent)


def study(model_id: str, backtest: pl.DataFrame) -> Studied:
    """Judge the test sales of a backtest (`with_strata`)."""
    import polars as pl

    from real_estate_assets.core.ratio_study import ratio_study, sales_chasing

    test = backtest.filter(pl.col("is_test"))
    if test.height < 2:
        few = [_row(model_id, EVERYTHING, EVERYTHING, {"sale_count": test.height, "reason": "fewer than 2 test sales"})]
        return Studied(test, None, None, (), few)
    predicted, sold = test["predicted_usd"].to_numpy(), test["price_usd"].to_numpy()
    whole = ratio_study(predicted, sold)
    rows = [_row(model_id, EVERYTHING, EVERYTHING, whole.as_row()), *_strata(model_id, test)]
    return Studied(test, whole, sales_chasing(predicted, sold), list(_coverage(test)), rows)


def _strata(model_id: str, test: pl.DataFrame) -> Iterator[Sequence[Any]]:
    from real_estate_assets.core.ratio_study import price_quartiles, stratified

    predicted, sold = test["predicted_usd"].to_numpy(), test["price_usd"].to_numpy()
    labels = {kind: test[column].to_list() for kind, column in STRATA.items()}
    labels["value"] = price_quartiles(predicted, sold)
    for kind, names in labels.items():
        if len(set(names)) < 2:
            continue  # one class is no stratum: its study is that of the whole
        for stratum in stratified(predicted, sold, names):
            figures = stratum.study.as_row() if stratum.study else {"sale_count": stratum.n, "reason": stratum.reason}
            yield _row(model_id, kind, stratum.name, figures)


def _coverage(test: pl.DataFrame) -> Iterator[Coverage]:
    import polars as pl

    known = test.drop_nulls(["low_usd", "high_usd"])
    inside = known.with_columns(pl.col("price_usd").is_between("low_usd", "high_usd").alias("inside"))
    if known.height:
        yield Coverage(EVERYTHING, known.height, int(inside["inside"].sum()))
    for tercile in (1, 2, 3):
        own = inside.filter(pl.col("tercile") == tercile)
        if own.height:
            yield Coverage(f"predicted tercile {tercile}", own.height, int(own["inside"].sum()))


def _row(model_id: str, kind: str, stratum: str, figures: dict[str, Any]) -> Sequence[Any]:
    named = {"model_id": model_id, "stratum_kind": kind, "stratum": stratum, **figures}
    return [named.get(column) for column in RATIO_STUDY_COLUMNS]

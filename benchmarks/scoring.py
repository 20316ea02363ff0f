"""How good predictions are, from counts of cells that share one: Brier score and agreement by band of trust.

Belongs here: figures over frames with the columns `persistence` (predicted, 0 to 1), `n` and `agree`. Does not belong
here: predicting (`core/provenance/prediction.py`), ranking and calibration error (`core/provenance/reliability.py`),
which the calibration stage shows too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import polars as pl


class Band(NamedTuple):
    """The cells of one band: how many, and what share of them agreed (None without any)."""

    n: int
    agreement: float | None


def brier(predictions: pl.DataFrame) -> float:
    """Mean squared distance of prediction and outcome over cells, 0 to 1; lower is better. Raises ZeroDivisionError
    where there is no cell."""
    import polars as pl

    p, n, agree = pl.col("persistence"), pl.col("n"), pl.col("agree")
    missed = predictions.select((agree * (1 - p) ** 2 + (n - agree) * p**2).sum()).item()
    return float(missed) / int(predictions["n"].sum())


def bands(predictions: pl.DataFrame, weak_below: float, solid_from: float) -> dict[str, Band]:
    """'weak', 'mixed', 'solid' -> their cells."""
    import polars as pl

    p = pl.col("persistence")
    parts = {"weak": p < weak_below, "mixed": (p >= weak_below) & (p < solid_from), "solid": p >= solid_from}
    return {name: _band(predictions.filter(part)) for name, part in parts.items()}


def by_field(predictions: pl.DataFrame) -> list[tuple[str, int, float, float]]:
    """(field, n, mean prediction, agreement) of every field with a cell, in the order of their names."""
    import polars as pl

    expected = (pl.col("persistence") * pl.col("n")).sum()
    return (
        predictions.group_by("field")
        .agg(pl.col("n").sum(), predicted=expected, agree=pl.col("agree").sum())
        .filter(pl.col("n") > 0)
        .select("field", "n", pl.col("predicted") / pl.col("n"), pl.col("agree") / pl.col("n"))
        .sort("field")
        .rows()
    )


def _band(predictions: pl.DataFrame) -> Band:
    n = int(predictions["n"].sum())
    return Band(n, float(predictions["agree"].sum()) / n if n else None)

"""Whether a predicted agreement turned out true: bins for the diagram, calibration error, and how well it ranks.

Belongs here: figures over counts of cells that share a prediction. Does not belong here: predicting (`calibration.py`),
and drawing (`core/plots.py`). All take counts as `calibration.predicted` returns them: columns `persistence` (0 to 1),
`n` and `agree`; cells that were used to make the prediction must not be among them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from real_estate_assets.core.plots import ReliabilityBin

if TYPE_CHECKING:
    import polars as pl

BINS = 10


def reliability_bins(predicted: pl.DataFrame) -> list[ReliabilityBin]:
    """Cells by tenths of their prediction, lowest first; empty tenths are left out."""
    import polars as pl

    tenth = (pl.col("persistence") * BINS).floor().clip(0, BINS - 1)
    weighted = (pl.col("persistence") * pl.col("n")).sum()
    rows = (
        predicted.filter(pl.col("n") > 0)
        .group_by(tenth.alias("tenth"))
        .agg(n=pl.col("n").sum(), trusted=weighted, agree=pl.col("agree").sum())
        .sort("tenth")
    )
    return [
        ReliabilityBin(int(row["n"]), min(row["trusted"] / row["n"], 1.0), row["agree"] / row["n"])
        for row in rows.iter_rows(named=True)
    ]


def calibration_error(bins: list[ReliabilityBin]) -> float | None:
    """Expected calibration error: mean distance of predicted and measured over cells, 0 to 1; None without a cell."""
    total = sum(one.n for one in bins)
    return sum(one.n * abs(one.predicted - one.measured) for one in bins) / total if total else None


def ranking_quality(predicted: pl.DataFrame) -> float | None:
    """Area under the ROC curve: how often a cell that agreed had the higher prediction than one that did not.

    0.5 is a coin, ties count half; None where all cells agree or none does.
    """
    import polars as pl

    by_value = (
        predicted.group_by("persistence")
        .agg(agree=pl.col("agree").sum(), wrong=(pl.col("n") - pl.col("agree")).sum())
        .sort("persistence")
    )
    agree, wrong = by_value["agree"].cast(pl.Float64), by_value["wrong"].cast(pl.Float64)
    total = float(agree.sum()) * float(wrong.sum())
    if not total:
        return None
    below = wrong.cum_sum() - wrong
    return float((agree * (below + wrong / 2)).sum()) / total

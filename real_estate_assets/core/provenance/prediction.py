"""What the parameters predict for a later look, and where it came out differently.

Belongs here: predicted agreement of counted pairs (persistence: survival ^ years x failed checks), and the alarm for a
field whose prediction and measurement lie apart. Does not belong here: estimating (`calibration.py`), nor reliability:
the outcome here is the same records' next look, which shows that a value was kept and not that it is right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from real_estate_assets.core.provenance.calibration import Parameter, parents

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.provenance.trust_model import TrustModel


class Alarm(NamedTuple):
    """A field that agrees more or less often than predicted: more often a wrong column map than a wrong prediction.

    predicted and measured: shares of its n pairs.
    """

    field: str
    n: int
    predicted: float
    measured: float


def predicted(
    counts: pl.DataFrame,
    years: float,
    parameters: Sequence[Parameter],
    source_kind: str,
    priors: Mapping[str, float],
    model: TrustModel,
) -> pl.DataFrame:
    """The counts of `agreement_counts` with `persistence`: the probability that each of their pairs agrees.

    As SQL reads the same parameters: the smallest part of the properties measured, else the field's prior, else the
    model's unknown half-life; a failed check by its measured factor, else the model's.
    """
    import polars as pl

    survival = {(p.field, p.segment): p.estimate for p in parameters if p[:2] == ("stability", source_kind)}
    factors = {(p.field, p.segment): p.estimate for p in parameters if p[:2] == ("row_check", source_kind)}

    def persistence(field: str, segment: str, failed: str) -> float:
        measured = [survival[field, part] for part in parents(segment) if (field, part) in survival]
        per_year = measured[0] if measured else priors.get(field, model.unknown_survival_per_year)
        value = float(per_year**years)
        for check in failed.split(", ") if failed else []:
            value *= factors.get((field, check), model.failed_check_factor)
        return value

    values = [persistence(*row) for row in counts.select("field", "segment", "failed").iter_rows()]
    return counts.with_columns(pl.Series("persistence", values, pl.Float64))


def alarms(predictions: pl.DataFrame, model: TrustModel) -> list[Alarm]:
    """Fields whose mean prediction misses what was measured by more than `model.alarm_difference`, worst first.

    Only fields with at least `model.minimum_n` pairs can raise one.
    """
    import polars as pl

    by_field = (
        predictions.filter(pl.col("n") > 0)
        .group_by("field")
        .agg(pl.col("n").sum(), pl.col("agree").sum(), (pl.col("persistence") * pl.col("n")).sum().alias("expected"))
        .sort("field")
    )
    rows = [Alarm(field, n, expected / n, agree / n) for field, n, agree, expected in by_field.iter_rows()]
    raised = [one for one in rows if one.n >= model.minimum_n and _apart(one) > model.alarm_difference]
    return sorted(raised, key=_apart, reverse=True)


def _apart(one: Alarm) -> float:
    return abs(one.predicted - one.measured)

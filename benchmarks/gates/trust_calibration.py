"""Trust against what later turned out: Cambridge's rolls of FY2013 and FY2014, and its property database of FY2025.

Belongs here: predicting each half of the parcels by the parameters of the other half, and what came of it; no stored
parameter is asked. Does not belong here: reading and counting (`roll_records.py`), the estimates (`core/provenance`),
nor what the answers mean (docs/calibration.md).

Predicted is persistence (survival ^ years x failed checks): the outcome is the same office's next look, which shows
that a value was kept. Whether it is right is measured against independent sources, and that is reliability.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

from benchmarks.bounds import at_least, at_most, exactly
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate
from benchmarks.gates.roll_records import GROSS, KIND, Look, Records
from benchmarks.scoring import bands, brier, by_field

if TYPE_CHECKING:
    import polars as pl

PREFIX = "trust.calibration"
ONE_YEAR, ELEVEN_YEARS = f"{PREFIX}.fy2013_fy2014", f"{PREFIX}.fy2014_fy2025"
# What is known of the predecessor's score: a weighted sum in which a source that is known to be wrong still leaves 0.70
# and which cannot fall below 0.5 while checks pass; one half-life and one reliability served every field.
PEER_WEIGHTS, PEER_HALF_LIFE_DAYS, PEER_RELIABILITY = (0.3, 0.2, 0.5), 90, 0.8


def lines(demo: Demo) -> Iterator[Gate]:
    """One year out, what simpler formulas would have said, and eleven years out."""
    records = Records.read(demo)
    one_year = records.look(records.one_year, records.one_year.fields)
    predictions = predict_other_half(one_year, one_year)
    yield from _one_year(predictions)
    yield from _peers(one_year, predictions)
    yield from _eleven_years(records, one_year)
    yield _wrong_mapping(records, one_year)


def predict_other_half(learned: Look, judged: Look) -> pl.DataFrame:
    """Each half of the parcels of one look, predicted by what the other half of another look teaches.

    Without the reviewed priors: some of those were read off these very files.
    """
    import polars as pl

    from real_estate_assets.core.provenance import calibration, prediction
    from real_estate_assets.core.provenance.trust_model import newest_model

    model, found = newest_model(), []
    for own, other in ((0, 1), (1, 0)):
        pair = calibration.VintagePair(KIND, learned.years, "the next roll", learned.halves[other])
        stability = calibration.stability_parameters([pair], {}, model)
        parameters = [*stability, *calibration.row_check_parameters([pair], stability, {}, model)]
        found.append(prediction.predicted(judged.halves[own], judged.years, parameters, KIND, {}, model))
    return pl.concat(found).filter(pl.col("n") > 0)


def _one_year(predictions: pl.DataFrame) -> Iterator[Gate]:
    from real_estate_assets.core.provenance.trust_model import newest_model

    model = newest_model()
    cells, fields = int(predictions["n"].sum()), by_field(predictions)
    yield gate(
        f"{ONE_YEAR}.auc", _auc(predictions), at_least(0.90), at_least(0.93),
        note=f"{cells:,} cells of {len(fields)} fields; each half of the parcels is predicted by the other half",
    )  # fmt: skip
    yield gate(
        f"{ONE_YEAR}.ece", _ece(predictions), at_most(0.02), at_most(0.01), note=f"Brier {brier(predictions):.4f}"
    )
    found = bands(predictions, model.weak_below, model.solid_from)
    for name, bound in (("solid", at_least(0.95)), ("weak", at_most(0.50))):
        yield gate(
            f"{ONE_YEAR}.{name}_agrees", found[name].agreement, bound, note=f"{found[name].n / cells:.1%} of all cells"
        )
    levels = [band.agreement for band in found.values() if band.agreement is not None]
    yield gate(
        f"{ONE_YEAR}.bands_out_of_order",
        sum(above <= below for below, above in pairwise(levels)) if len(levels) == len(found) else None, exactly(0),
        note=", ".join(f"{name} {level:.3f}" for name, level in zip(found, levels, strict=False)),
    )  # fmt: skip
    least = min((n for _, n, _, _ in fields), default=None)
    yield gate(f"{ONE_YEAR}.least_cells_of_a_field", least, at_least(model.minimum_n), note=_told(fields))
    yield _inside_fields(predictions)
    worst = max((abs(expected - agreed) for _, _, expected, agreed in fields), default=None)
    yield gate(f"{ONE_YEAR}.worst_field", worst, at_most(model.alarm_difference), note=f"difference; {_told(fields)}")


def _inside_fields(predictions: pl.DataFrame) -> Gate:
    """Ranking within each field, where it cannot live on fields that differ: who sells next year is not in a roll."""
    import polars as pl

    inside = {str(name): _auc(cells) for (name,), cells in predictions.partition_by("field", as_dict=True).items()}
    found = sorted((auc, name) for name, auc in inside.items() if auc is not None)
    return gate(
        f"{ONE_YEAR}.auc_inside_the_weakest_field", found[0][0] if found else None, at_least(0.5),
        note=f"mean {pl.Series([auc for auc, _ in found]).mean() or 0:.2f}; "
        + "; ".join(f"{name} {auc:.2f}" for auc, name in found),
    )  # fmt: skip


def _peers(look: Look, predictions: pl.DataFrame) -> Iterator[Gate]:
    """Simpler formulas on the same cells. Where one of them ranks as well, ours has no reason to be."""
    ours, whole = _auc(predictions) or 0.0, _without_parts(look)
    for name, peer, said in (
        ("constant", _constant(predictions), "one figure for every cell"),
        ("one_half_life", _predecessor(predictions, look.years), "the predecessor's: 90 days, one reliability, a sum"),
        ("field_only", predict_other_half(whole, whole), "survival by field, neither use nor failed checks"),
    ):
        yield gate(
            f"{ONE_YEAR}.peer.{name}.auc", _auc(peer), at_most(ours),
            note=f"{said}; ECE {_ece(peer):.3f}, Brier {brier(peer):.3f}",
        )  # fmt: skip


def _eleven_years(records: Records, learned: Look) -> Iterator[Gate]:
    from real_estate_assets.core.provenance.prediction import alarms
    from real_estate_assets.core.provenance.trust_model import newest_model

    pair = records.eleven_years
    judged = predict_other_half(learned, records.look(pair, pair.fields))
    fields, n = by_field(judged), int(judged["n"].sum())
    yield gate(f"{ELEVEN_YEARS}.brier", brier(judged), at_most(0.10), note=f"{n:,} cells of {len(fields)} fields")
    mean = sum(cells * expected for _, cells, expected, _ in fields) / n
    agreed = int(judged["agree"].sum()) / n
    named = [one.field for one in alarms(judged, newest_model())]
    yield gate(
        f"{ELEVEN_YEARS}.mean_difference", abs(mean - agreed), at_most(newest_model().alarm_difference),
        note=f"predicted {mean:.3f}, agreed {agreed:.3f}; AUC {_auc(judged):.3f}; the alarm names"
        f" {', '.join(named) or 'no field'}; {_told(fields)}",
    )  # fmt: skip


def _wrong_mapping(records: Records, learned: Look) -> Gate:
    """Gross area mapped to living area: two figures of one house that nobody told apart once."""
    from real_estate_assets.core.provenance.prediction import alarms
    from real_estate_assets.core.provenance.trust_model import newest_model

    mistaken = records.mapped_wrongly().look(records.eleven_years, [GROSS])
    raised = alarms(predict_other_half(learned, mistaken), newest_model())
    told = [f"{one.field}: n {one.n}, predicted {one.predicted:.2f}, found {one.measured:.2f}" for one in raised]
    return gate(f"{ELEVEN_YEARS}.alarm_names_gross_area", len(raised), exactly(1), note="; ".join(told))


def _auc(predictions: pl.DataFrame) -> float | None:
    from real_estate_assets.core.provenance.reliability import ranking_quality

    return ranking_quality(predictions)


def _ece(predictions: pl.DataFrame) -> float | None:
    from real_estate_assets.core.provenance.reliability import calibration_error, reliability_bins

    return calibration_error(reliability_bins(predictions))


def _without_parts(look: Look) -> Look:
    import polars as pl

    one, other = (half.with_columns(segment=pl.lit("all"), failed=pl.lit("")) for half in look.halves)
    return Look(look.years, (one, other))


def _constant(predictions: pl.DataFrame) -> pl.DataFrame:
    import polars as pl

    return predictions.with_columns(persistence=pl.col("agree").sum() / pl.col("n").sum())


def _predecessor(predictions: pl.DataFrame, years: float) -> pl.DataFrame:
    import polars as pl

    reliability, freshness, passed = PEER_WEIGHTS
    fresh = 0.5 ** (years * 365.25 / PEER_HALF_LIFE_DAYS)
    share = pl.when(pl.col("failed") == "").then(1.0).otherwise(0.5)
    return predictions.with_columns(persistence=reliability * PEER_RELIABILITY + freshness * fresh + passed * share)


def _told(fields: Sequence[tuple[str, int, float, float]]) -> str:
    """Each field with its cells, what was predicted and what was found."""
    return "; ".join(f"{field} n {n:,} {expected:.3f} {agreed:.3f}" for field, n, expected, agreed in fields)

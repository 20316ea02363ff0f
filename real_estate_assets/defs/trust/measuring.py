"""What one tenant's files say of each other, counted and turned into parameters.

Belongs here: the order of the steps, from files to a complete set of parameters. Does not belong here: which files are
compared (`pairing.py`), the counting and the formulas (`core/provenance`), Dagster (`calibration.py`).

Three kinds of comparison are kept apart. A source with its own next vintage says how long the office keeps a value
(stability). Two sources that do not know of each other say how often either is right (independent). The same office's
later look through another file tests the column maps (alarms) and changes no parameter.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from real_estate_assets.core.plots import ReliabilityBin
from real_estate_assets.core.provenance.agreement import Comparison, agreement_counts, comparisons
from real_estate_assets.core.provenance.calibration import (
    Parameter,
    VintagePair,
    row_check_parameters,
    stability_parameters,
)
from real_estate_assets.core.provenance.method_priors import method_priors
from real_estate_assets.core.provenance.prediction import Alarm, alarms, predicted
from real_estate_assets.core.provenance.reliability import calibration_error, ranking_quality, reliability_bins
from real_estate_assets.core.provenance.row_checks import row_checks
from real_estate_assets.core.provenance.source_registry import source_kinds
from real_estate_assets.core.provenance.survival_priors import newest_survivals
from real_estate_assets.core.provenance.trust_model import TrustModel, newest_model
from real_estate_assets.defs.code_versions import code_version
from real_estate_assets.defs.trust.independent import Independent, independent
from real_estate_assets.defs.trust.pairing import Pair, later_looks, property_files, successive
from real_estate_assets.stores.warehouse import calibration as store
from real_estate_assets.stores.warehouse import evidence

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.evidence import SourceFile


@dataclass(frozen=True)
class LaterLook:
    """One later look: what was predicted for each field and what was found. rows: (field, n, predicted, measured)."""

    pair: Pair
    rows: Sequence[tuple[str, int, float, float]]
    alarms: Sequence[Alarm]


@dataclass(frozen=True)
class HeldOut:
    """Predictions for parcels that no parameter was made of: the diagram, its mean error, how well they rank."""

    bins: Sequence[ReliabilityBin]
    error: float | None
    ranking: float | None


@dataclass(frozen=True)
class Measured:
    """Everything that a version holds, and what a person wants to see of it. stability: with the failed checks'
    factors.
    """

    stability: Sequence[Parameter]
    independent: Independent
    pairs: Sequence[Pair]
    held_out: HeldOut
    looks: Sequence[LaterLook]
    inputs: Mapping[str, Any]
    model: TrustModel

    @property
    def every_parameter(self) -> Sequence[Parameter]:
        """The complete set, as one version holds it."""
        return [*self.stability, *self.independent.parameters]


def measure(warehouse: Warehouse, tenant_id: str) -> Measured:
    """Compare everything of the tenant that can be compared. Writes nothing."""
    every_file = evidence.files(warehouse, tenant_id)
    files = property_files(every_file)
    compared = comparisons(store.field_tolerances(warehouse))
    pairs, later = list(successive(files, compared)), list(later_looks(files, compared))
    model, priors = newest_model(), newest_survivals()
    counting = _Counting(warehouse, tenant_id, compared, [*pairs, *later])
    halves = [(pair, counting.by_halves(pair)) for pair in pairs]
    stability = _parameters([(pair, _sum(both)) for pair, both in halves], priors, model)
    looks = [_look(pair, counting.one_to_one(pair), stability, priors, model) for pair in later]
    separate = independent(warehouse, tenant_id, every_file, model)
    return Measured(
        stability=stability,
        independent=separate,
        pairs=pairs,
        held_out=_held_out(halves, priors, model),
        looks=looks,
        inputs=_inputs(warehouse, every_file, [*pairs, *later], model),
        model=model,
    )


class _Counting:
    """Reads each file once, with all fields that any pair asks of it, and counts agreement of pairs."""

    def __init__(
        self, warehouse: Warehouse, tenant_id: str, compared: Mapping[str, Comparison], pairs: Iterable[Pair]
    ) -> None:
        wanted: dict[int, set[str]] = {}
        for pair in pairs:
            for file in (pair.older, pair.newer):
                wanted.setdefault(file.file_no, set()).update(pair.fields)
        self._compared = compared
        self._frames = {
            file_no: store.property_records(warehouse, tenant_id, file_no, sorted(fields))
            for file_no, fields in wanted.items()
        }

    def by_halves(self, pair: Pair) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Counts of two halves of the parcels, the same halves in every run; all properties of a parcel in one half."""
        import polars as pl

        older = self._frames[pair.older.file_no]
        is_even = older["parcel_number"].map_elements(_is_even, return_dtype=pl.Boolean)
        return self._count(pair, older.filter(is_even)), self._count(pair, older.filter(~is_even))

    def one_to_one(self, pair: Pair) -> pl.DataFrame:
        """Counts over parcels with one property in each file: two sources need not name units in the same way."""
        import polars as pl

        place = ["county_fips", "parcel_number"]
        older, newer = (
            self._frames[file.file_no].filter(pl.len().over(place) == 1) for file in (pair.older, pair.newer)
        )
        same = newer.drop("property_id").join(older.select(*place, "property_id"), on=place)
        return self._count(pair, older, same)

    def _count(self, pair: Pair, older: pl.DataFrame, newer: pl.DataFrame | None = None) -> pl.DataFrame:
        later = self._frames[pair.newer.file_no] if newer is None else newer
        return agreement_counts(older, later, self._compared, row_checks(), fields=pair.fields)


def _is_even(parcel_number: str) -> bool:
    return hashlib.sha256(parcel_number.encode()).digest()[0] % 2 == 0


def _sum(halves: tuple[pl.DataFrame, pl.DataFrame]) -> pl.DataFrame:
    import polars as pl

    keys = ["field", "segment", "failed"]
    return pl.concat(halves).group_by(keys, maintain_order=True).agg(pl.all().sum()).sort(keys)


def _parameters(
    counted: Sequence[tuple[Pair, pl.DataFrame]], priors: Mapping[str, float], model: TrustModel
) -> list[Parameter]:
    pairs = [VintagePair(pair.older.source_kind, pair.years, pair.against, counts) for pair, counts in counted]
    if not pairs:
        return []
    stability = stability_parameters(pairs, priors, model)
    return [*stability, *row_check_parameters(pairs, stability, priors, model)]


def _held_out(
    halves: Sequence[tuple[Pair, tuple[pl.DataFrame, pl.DataFrame]]], priors: Mapping[str, float], model: TrustModel
) -> HeldOut:
    """Each half predicted by the parameters of the other."""
    import polars as pl

    frames = []
    for learned_from, judged in ((0, 1), (1, 0)):
        parameters = _parameters([(pair, both[learned_from]) for pair, both in halves], priors, model)
        for pair, both in halves:
            found = predicted(both[judged], pair.years, parameters, pair.older.source_kind, priors, model)
            frames.append(found.select("persistence", "n", "agree"))
    if not frames:
        return HeldOut([], None, None)
    every = pl.concat(frames)
    bins = reliability_bins(every)
    return HeldOut(bins, calibration_error(bins), ranking_quality(every))


def _look(
    pair: Pair, counts: pl.DataFrame, stability: Sequence[Parameter], priors: Mapping[str, float], model: TrustModel
) -> LaterLook:
    import polars as pl

    found = predicted(counts, pair.years, stability, pair.older.source_kind, priors, model)
    expected = (pl.col("persistence") * pl.col("n")).sum()
    rows = (
        found.group_by("field")
        .agg(n=pl.col("n").sum(), expected=expected, agree=pl.col("agree").sum())
        .filter(pl.col("n") > 0)
        .select("field", "n", predicted=pl.col("expected") / pl.col("n"), measured=pl.col("agree") / pl.col("n"))
        .sort((pl.col("predicted") - pl.col("measured")).abs(), descending=True)
    )
    return LaterLook(pair, rows.rows(), alarms(found, model))


def _inputs(
    warehouse: Warehouse, files: Sequence[SourceFile], pairs: Sequence[Pair], model: TrustModel
) -> dict[str, Any]:
    """Everything that the numbers depend on besides the code: files as they were read, answers, what people
    reviewed.
    """
    registers = (model, newest_survivals(), method_priors(), source_kinds(), row_checks())
    reviewed = "\n".join(map(repr, (*registers, store.field_tolerances(warehouse))))
    return {
        "files": {
            str(file.file_no): {
                "sha256": file.sha256,
                "entry_sha256": file.source_entry_sha256,
                "read_by": file.read_by,
                "vintage": file.vintage and file.vintage.isoformat(),
            }
            for file in files
            if file.record_type in ("property", "parcel")
        },
        "pairs": [
            {"older": pair.older.file_no, "newer": pair.newer.file_no, "years": round(pair.years, 4)} for pair in pairs
        ],
        "enriched_by": code_version("enrichment"),
        "public": store.answer_files(warehouse),
        "trust_model": model.version,
        "reviewed_sha256": hashlib.sha256(reviewed.encode()).hexdigest(),
    }

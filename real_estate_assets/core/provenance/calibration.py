"""From counts to the parameters of trust: survival, reliability, factors of failed checks, bands and methods.

Belongs here: the estimates, each a count pulled towards what was expected before it (a Beta prior of
`model.prior_weight` pseudo-observations), in the columns of prov.agreement. Does not belong here: counting
(`agreement.py`), storing (`stores/warehouse/calibration.py`), the formula they are used in (SQL, `prov.trust`).

A part of the properties is pulled towards its parent ('CONDOMINIUM' towards 'all'), and 'all' towards the reviewed
prior, so that a part with few pairs says what its parent says. Survival is counted on records that fail no check of the
field, and a failed check's factor against what survival alone predicts for its records: neither counts twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, NamedTuple

from real_estate_assets.core.provenance.survival import Seen, surviving

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.provenance.trust_model import TrustModel

ALL = "all"
ParameterKind = Literal["stability", "independent", "row_check", "confidence", "method"]


class Parameter(NamedTuple):
    """One row of prov.agreement, without its tenant and version. estimate: survival per year, reliability, or factor;
    prior: what it was pulled towards; years: mean span of the vintages compared, None where time plays no part."""

    kind: ParameterKind
    source_kind: str
    field: str
    segment: str
    n: int
    agree: int
    years: float | None
    estimate: float
    prior: float | None
    against: str


class VintagePair(NamedTuple):
    """One comparison of a source with its own next vintage. years: between the two, above 0; against: what was
    compared, in words; counts: of `agreement_counts`."""

    source_kind: str
    years: float
    against: str
    counts: pl.DataFrame


def parents(segment: str) -> list[str]:
    """A segment and what it is a part of, smallest first, ending with 'all': as prov.segments reads them."""
    parts = segment.split("|")
    own = ["|".join(parts[:length]) for length in range(len(parts), 0, -1)]
    return own if own[-1] == ALL else [*own, ALL]


def stability_parameters(
    pairs: Sequence[VintagePair], priors: Mapping[str, float], model: TrustModel
) -> list[Parameter]:
    """Survival per year of each field, of all properties and of each part, pooled over the pairs of a kind of source.

    priors: field -> reviewed survival per year. The estimate is the most likely survival, given all pairs with their
    own spans and the prior counted as `model.prior_weight` pairs of one year: for pairs of one year, plainly
    (agree + weight x prior) / (n + weight).
    """
    found: list[Parameter] = []
    for source_kind, against, seen in _seen_by_kind(pairs):
        for field in sorted({field for field, _ in seen}):
            segments = [segment for own, segment in seen if own == field]
            estimates: dict[str, float] = {}
            for segment in sorted(segments, key=lambda one: (len(parents(one)), one)):
                above = next((estimates[one] for one in parents(segment)[1:] if one in estimates), None)
                prior = priors.get(field, model.unknown_survival_per_year) if above is None else above
                own = seen[field, segment]
                estimates[segment] = surviving(own, prior, model.prior_weight)
                found.append(_stability(source_kind, field, segment, own, estimates[segment], prior, against))
    return found


def row_check_parameters(
    pairs: Sequence[VintagePair], stability: Sequence[Parameter], priors: Mapping[str, float], model: TrustModel
) -> list[Parameter]:
    """What each failed check does to each field it touches: agreement of its records over what survival predicts.

    Pulled towards `model.failed_check_factor`; never above 1, since a failed check is no good sign. Records that fail
    several checks of a field say nothing about any one of them and are left out.
    """
    survival = _Survival(stability, priors, model)
    tallies: dict[tuple[str, str, str], _Tally] = {}
    for pair in pairs:
        for row in pair.counts.filter(_is_one_check()).iter_rows(named=True):
            tally = tallies.setdefault((pair.source_kind, row["field"], row["failed"]), _Tally())
            expected = survival.per_year(pair.source_kind, row["field"], row["segment"]) ** pair.years
            tally.add(row["n"], row["agree"], row["n"] * expected, pair)
    weight, prior = model.prior_weight, model.failed_check_factor
    return [
        Parameter(
            "row_check", kind, field, check, tally.n, tally.agree, tally.years,
            min(1.0, (tally.agree + weight * prior) / (tally.expected + weight)), prior, tally.against,
        )
        for (kind, field, check), tally in sorted(tallies.items())
        if tally.n
    ]  # fmt: skip


def reliability_parameters(
    source_kind: str, field: str, counts: pl.DataFrame, *, prior: float, against: str, model: TrustModel
) -> list[Parameter]:
    """How often a source that does not know of this one agrees: of 'all' and of each segment of `pair_agreement`."""
    by_segment = {segment: (n, agree) for segment, n, agree in counts.select("segment", "n", "agree").iter_rows()}
    n, agree = sum(n for n, _ in by_segment.values()), sum(agree for _, agree in by_segment.values())
    if not n:
        return []
    estimate = shrunk(n, agree, prior, model.prior_weight)
    found = [Parameter("independent", source_kind, field, ALL, n, agree, None, estimate, prior, against)]
    for segment, (own_n, own_agree) in sorted(by_segment.items()):
        if segment != ALL:
            own = shrunk(own_n, own_agree, estimate, model.prior_weight)
            found.append(
                Parameter("independent", source_kind, field, segment, own_n, own_agree, None, own, estimate, against)
            )
    return found


def confidence_parameters(
    source_kind: str, field: str, counts: pl.DataFrame, *, against: str, model: TrustModel
) -> list[Parameter]:
    """What each band of a confidence is worth, relative to the best band: that level itself is the method's factor.

    counts: of `pair_agreement` with the band as segment. A band is pulled towards the agreement of all of them, so one
    with few rows is neither the best nor the worst by luck.
    """
    rows = [row for row in counts.select("segment", "n", "agree").sort("segment").iter_rows() if row[1]]
    if not rows:
        return []
    overall = sum(agree for _, _, agree in rows) / sum(n for _, n, _ in rows)
    rates = {band: shrunk(n, agree, overall, model.prior_weight) for band, n, agree in rows}
    best = max(rates.values())
    relative = {band: rate / best if best else 0.0 for band, rate in rates.items()}
    return [
        Parameter("confidence", source_kind, field, band, n, agree, None, relative[band], None, against)
        for band, n, agree in rows
    ]


def method_parameter(
    source_kind: str, method: str, n: int, agree: int, *, prior: float | None, against: str, model: TrustModel
) -> Parameter:
    """A method's factor by an answer key. prior None: nothing is known, which weighs as `model.unknown_method`."""
    before = model.unknown_method if prior is None else prior
    estimate = shrunk(n, agree, before, model.prior_weight)
    return Parameter("method", source_kind, method, ALL, n, agree, None, estimate, before, against)


def shrunk(n: int, agree: int, prior: float, weight: float) -> float:
    """Share of agreement with `weight` pseudo-observations of a prior: the prior where n is 0, the share in the end."""
    return (agree + weight * prior) / (n + weight)


class _Survival:
    """Survival per year looked up as prov.survival does: the smallest part measured, else the prior, else unknown."""

    def __init__(self, stability: Iterable[Parameter], priors: Mapping[str, float], model: TrustModel) -> None:
        self._measured = {(one.source_kind, one.field, one.segment): one.estimate for one in stability}
        self._priors, self._unknown = priors, model.unknown_survival_per_year

    def per_year(self, source_kind: str, field: str, segment: str) -> float:
        for part in parents(segment):
            if (source_kind, field, part) in self._measured:
                return self._measured[source_kind, field, part]
        return self._priors.get(field, self._unknown)


class _Tally:
    """Records of one failed check and field, added up over pairs."""

    def __init__(self) -> None:
        self.n, self.agree, self.expected, self._span = 0, 0, 0.0, 0.0
        self._against: list[str] = []

    def add(self, n: int, agree: int, expected: float, pair: VintagePair) -> None:
        self.n, self.agree, self.expected = self.n + n, self.agree + agree, self.expected + expected
        self._span += n * pair.years
        if n and pair.against not in self._against:
            self._against.append(pair.against)

    @property
    def years(self) -> float:
        return self._span / self.n

    @property
    def against(self) -> str:
        return "; ".join(self._against)


def _seen_by_kind(
    pairs: Sequence[VintagePair],
) -> list[tuple[str, str, dict[tuple[str, str], list[Seen]]]]:
    """Source kind, what was compared, and (field, segment) -> pairs counted; every parent with its parts added up."""
    import polars as pl

    found = []
    for source_kind in sorted({pair.source_kind for pair in pairs}):
        own = [pair for pair in pairs if pair.source_kind == source_kind]
        seen: dict[tuple[str, str], list[Seen]] = {}
        for pair in own:
            passed = pair.counts.filter((pl.col("failed") == "") & (pl.col("n") > 0))
            for (field, segment), (n, agree) in _with_parents(passed).items():
                seen.setdefault((field, segment), []).append(Seen(n, agree, pair.years))
        found.append((source_kind, "; ".join(dict.fromkeys(pair.against for pair in own)), seen))
    return found


def _with_parents(passed: pl.DataFrame) -> dict[tuple[str, str], tuple[int, int]]:
    totals: dict[tuple[str, str], tuple[int, int]] = {}
    for field, segment, n, agree in passed.select("field", "segment", "n", "agree").iter_rows():
        for part in parents(segment):
            before = totals.get((field, part), (0, 0))
            totals[field, part] = (before[0] + n, before[1] + agree)
    return totals


def _stability(
    source_kind: str, field: str, segment: str, seen: Sequence[Seen], estimate: float, prior: float, against: str
) -> Parameter:
    n, agree = sum(one.n for one in seen), sum(one.agree for one in seen)
    years = sum(one.n * one.years for one in seen) / n
    return Parameter("stability", source_kind, field, segment, n, agree, years, estimate, prior, against)


def _is_one_check() -> pl.Expr:
    import polars as pl

    return (pl.col("failed") != "") & ~pl.col("failed").str.contains(",", literal=True)

"""Independent sources: what one of them leads us to expect of the other, on places that taught us nothing.

Belongs here: the assessor's lot size against the drawn parcel, predicted for each half of the lots by the other half;
the flood join against the city's lists, band by band. Does not belong here: a source's own next vintage, which shows
only that a record was kept (`trust_calibration.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.bounds import at_least, at_most
from benchmarks.gates.demo import Demo
from benchmarks.gates.line import Gate, gate

if TYPE_CHECKING:
    import polars as pl

PREFIX = "trust.independent"
TENANT, ROLL = "charles-river", "tax_fy14.csv.gz"
KIND, FIELD = "assessor_roll", "lot_size_sqft"
DIFFERENCE = (at_most(0.05), at_most(0.02))  # between the share predicted and the share found: must, goal
LOTS, PLACES = at_least(1000), at_least(1000)
_ROLL_NO = "select file_no from prov.source_file where tenant_id = {tenant} and uri like %(file)s"


def lines(demo: Demo) -> Iterator[Gate]:
    """Lots, then flood."""
    yield from _lots(demo)
    yield from _flood(demo)


def _lots(demo: Demo) -> Iterator[Gate]:
    from real_estate_assets.stores.warehouse import calibration

    file_no = demo.number(TENANT, _ROLL_NO, {"file": f"%{ROLL}"})
    lots = calibration.lot_areas(demo.warehouse, TENANT, file_no)
    found = predicted_halves(lots)
    n, expected, agreed = (sum(part) for part in zip(*found, strict=True)) if found else (0, 0.0, 0)
    yield gate(f"{PREFIX}.land_area.lots", n, LOTS, note="lots of one property whose parcel is drawn")
    difference = abs(expected - agreed) / n if n else None
    yield gate(
        f"{PREFIX}.land_area.difference", difference, *DIFFERENCE,
        note=f"predicted {expected / max(n, 1):.3f}, agree {agreed / max(n, 1):.3f}, each half by the other",
    )  # fmt: skip
    # A year later the same office says the same of nearly every lot: who took that for being right would expect this.
    stable = _stability(demo)
    yield gate(
        f"{PREFIX}.land_area.not_its_own_next_year", None if stable is None or not n else stable - agreed / n,
        at_least(0.05), note=f"agreement with its own next roll {stable or 0:.3f}, which is no proof of being right",
    )  # fmt: skip


def predicted_halves(lots: pl.DataFrame) -> list[tuple[int, float, int]]:
    """(lots, sum of the reliability predicted for each, how many agree) of either half, predicted by the other."""
    import polars as pl

    from real_estate_assets.core.provenance import calibration
    from real_estate_assets.core.provenance.agreement import Comparison, pair_agreement
    from real_estate_assets.core.provenance.source_registry import source_kinds
    from real_estate_assets.core.provenance.trust_model import newest_model
    from real_estate_assets.defs.trust.independent import LOT_TOLERANCE

    (prior,) = (kind.reliability for kind in source_kinds() if kind.source_kind == KIND and kind.version == 1)
    model, comparison = newest_model(), Comparison("number", LOT_TOLERANCE)
    # Row by row in turn: neighbours in the roll are neighbours in town, and both halves see every part of it.
    numbered = lots.with_row_index("place")
    halves = [
        pair_agreement(part, "stated_sqft", "drawn_sqft", comparison, segment="segment")
        for part in (numbered.filter(pl.col("place") % 2 == half) for half in (0, 1))
    ]
    found = []
    for judged, taught in (halves, halves[::-1]):
        parameters = calibration.reliability_parameters(KIND, FIELD, taught, prior=prior, against="", model=model)
        known = {one.segment: one.estimate for one in parameters}
        counts = list(judged.select("segment", "n", "agree").iter_rows())
        expected = sum(n * known.get(segment, known.get("all", prior)) for segment, n, _ in counts)
        found.append((sum(n for _, n, _ in counts), expected, sum(agree for *_, agree in counts)))
    return found


def _stability(demo: Demo) -> float | None:
    """How often the roll's lot sizes are those of its next year: as the newest calibration counted it."""
    query = (
        "select sum(agree)::double precision / nullif(sum(n), 0) from prov.agreement where tenant_id = {tenant}"
        " and kind = 'stability' and source_kind = %(kind)s and field = %(field)s and segment = 'all'"
        " and version = (select max(version) from prov.calibration where tenant_id = {tenant})"
    )
    found: float | None = demo.number(TENANT, query, {"kind": KIND, "field": FIELD})
    return found


def _flood(demo: Demo) -> Iterator[Gate]:
    """The trust of the flood fields by overlap band against how often the lists agree in it."""
    from real_estate_assets.stores.warehouse import calibration

    answers = [one for one in calibration.hazard_answers(demo.warehouse, TENANT) if one.n]
    n, agree = sum(one.n for one in answers), sum(one.agree for one in answers)
    told = "; ".join(f"{one.method} {one.band}: {one.agree} of {one.n}" for one in answers)
    yield gate(f"{PREFIX}.flood.places", n, PLACES, note=f"{agree:,} agree with the city's lists")
    known = _factors(demo)
    worst = max(
        (abs(known[one.method, one.band] - one.agree / one.n) for one in answers
         if one.n >= 20 and (one.method, one.band) in known), default=None,
    )  # fmt: skip
    yield gate(f"{PREFIX}.flood.worst_band_difference", worst, *DIFFERENCE, note=f"bands of 20 places or more: {told}")
    banded = {one.band: one.agree / one.n for one in answers if one.method.endswith("polygon_overlap")}
    most, least = banded.get("0.5-1"), banded.get("0-0.001")
    yield gate(
        f"{PREFIX}.flood.slivers_agree_less_by", None if most is None or least is None else most - least, at_least(0.1),
        note="zones that cover half a lot and more, against those that touch a thousandth",
    )  # fmt: skip


def _factors(demo: Demo) -> dict[tuple[str, str], float]:
    """(method, band) -> the factors that trust takes for it, multiplied: the method's and, where banded, the band's."""
    query = (
        "select kind, field, segment, estimate from prov.agreement where tenant_id = {tenant}"
        " and kind in ('method', 'confidence')"
        " and version = (select max(version) from prov.calibration where tenant_id = {tenant})"
    )
    rows = demo.ask(TENANT, query)
    methods = {field: estimate for kind, field, _, estimate in rows if kind == "method"}
    bands = {(field, segment): estimate for kind, field, segment, estimate in rows if kind == "confidence"}
    unbanded = {(method, "no overlap measured"): factor for method, factor in methods.items()}
    return unbanded | {key: methods.get(key[0], 1.0) * factor for key, factor in bands.items()}

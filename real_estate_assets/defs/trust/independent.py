"""What sources that do not know of each other say of the same things: the only measure of who is right.

Belongs here: which sources are independent, and the comparisons. Does not belong here: a source's own next vintage
(`measuring.py`): agreement with oneself shows that a record was kept, not that it is true.

- A lot's size as the assessor states it and the area of its polygon: two departments, one with a deed, one with a map.
Within
  5 % they agree; the tolerance of the field itself (1 %, `field_tolerance`) is for two statements of one number, and
  here one of the two is measured from a drawing.
- Our flood join and the city's own lists of the parcels in a zone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from real_estate_assets.core.provenance.agreement import Comparison, pair_agreement
from real_estate_assets.core.provenance.calibration import (
    Parameter,
    confidence_parameters,
    method_parameter,
    reliability_parameters,
)
from real_estate_assets.core.provenance.method_priors import method_priors
from real_estate_assets.core.provenance.source_registry import source_kinds
from real_estate_assets.defs.trust.pairing import property_files
from real_estate_assets.stores.warehouse import calibration as store

if TYPE_CHECKING:
    import polars as pl

    from real_estate_assets.core.provenance.trust_model import TrustModel
    from real_estate_assets.stores.warehouse import Warehouse
    from real_estate_assets.stores.warehouse.calibration import HazardAnswer
    from real_estate_assets.stores.warehouse.evidence import SourceFile

LOT_TOLERANCE = 0.05
# Only this method draws its answer from how much of a place a zone covers.
OVERLAP_METHOD = "hazard_polygon_overlap"
LOT_SIZE, PARCEL_AREA = "lot_size_sqft", "parcel_area_m2"


@dataclass(frozen=True)
class Independent:
    """parameters: of all comparisons; answers: how the hazards met the published lists, by method and overlap band."""

    parameters: Sequence[Parameter]
    answers: Sequence[HazardAnswer]


def independent(
    warehouse: Warehouse, tenant_id: str, files: Sequence[SourceFile], model: TrustModel
) -> Independent:  # fmt: skip
    """Compare what can be compared of one tenant."""
    answers = store.hazard_answers(warehouse, tenant_id)
    return Independent([*_lots(warehouse, tenant_id, files, model), *_hazards(answers, model)], answers)


def _lots(
    warehouse: Warehouse, tenant_id: str, files: Sequence[SourceFile], model: TrustModel
) -> list[Parameter]:  # fmt: skip
    """Reliability of the stated size, by kind of source and segment, and of the drawn area."""
    import polars as pl

    layers = {file.source_kind: file.source_name for file in files if file.record_type == "parcel"}
    newest = {file.source_name: file for file in property_files(files)}
    by_kind: dict[str, list[pl.DataFrame]] = {}
    for file in newest.values():
        by_kind.setdefault(file.source_kind, []).append(store.lot_areas(warehouse, tenant_id, file.file_no))
    priors, comparison = _reliability_priors(), Comparison("number", LOT_TOLERANCE)
    found: list[Parameter] = []
    for kind, frames in sorted(by_kind.items()):
        lots = pl.concat(frames)
        if not lots.height:
            continue
        counts = pair_agreement(lots, "stated_sqft", "drawn_sqft", comparison, segment="segment")
        against = f"area of the lot's polygon ({', '.join(sorted(layers.values()))}), within 5 %"
        prior = priors.get(kind, model.unknown_reliability)
        found += reliability_parameters(kind, LOT_SIZE, counts, prior=prior, against=against, model=model)
    drawn = [frame for frames in by_kind.values() for frame in frames if frame.height]
    for kind in sorted(layers) if drawn else []:
        counts = pair_agreement(pl.concat(drawn), "drawn_sqft", "stated_sqft", comparison)
        against = f"lot size stated by {', '.join(sorted(newest))}, within 5 %"
        prior = priors.get(kind, model.unknown_reliability)
        found += reliability_parameters(kind, PARCEL_AREA, counts, prior=prior, against=against, model=model)
    return found


def _hazards(answers: Sequence[HazardAnswer], model: TrustModel) -> list[Parameter]:
    """Factors of the methods that a list could test, and of the overlap bands."""
    import polars as pl

    priors = {prior.method: prior.factor for prior in sorted(method_priors(), key=lambda one: one.version)}
    by_method: dict[tuple[str, str], list[HazardAnswer]] = {}
    for answer in answers:
        by_method.setdefault((answer.source_kind, answer.method), []).append(answer)
    found: list[Parameter] = []
    for (kind, method), some in by_method.items():
        n, agree = sum(one.n for one in some), sum(one.agree for one in some)
        against = f"the published lists {', '.join(some[0].lists)}"
        if not n:
            continue
        found.append(method_parameter(kind, method, n, agree, prior=priors.get(method), against=against, model=model))
        if method == OVERLAP_METHOD:
            counts = pl.DataFrame(
                [(one.band, one.n, one.agree) for one in some if one.n], schema=["segment", "n", "agree"], orient="row"
            )
            found += confidence_parameters(kind, method, counts, against=against, model=model)
    return found


def _reliability_priors() -> Mapping[str, float]:
    return {kind.source_kind: kind.reliability for kind in sorted(source_kinds(), key=lambda one: one.version)}

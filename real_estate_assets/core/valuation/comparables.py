"""Comparable sales: which earlier sales the model takes for the same kind of house, and what they say of the price.

Belongs here: which sales may count, their order, and the adjustment of each. Does not belong here: how a house becomes
a point (`comparables_vectors.py`), what is published of a sale (`comparables_points.py`), the words
(`comparables_words.py`), finding candidates (`stores/vectors`).
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from real_estate_assets.core.valuation.comparables_words import reason_in_words

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RETRIEVED = 50  # nearest points that are compared leaf by leaf
SHOWN = 5
_EARTH_KM = 6371.0088  # mean radius
SUBJECT_WITHOUT_LOCATION = "subject_without_location"
SALE_WITHOUT_LOCATION = "sale_without_location"
Facts = Mapping[str, float | str | bool | None]


class Subject(NamedTuple):
    """The property that is valued. leaves [trees]: where the model puts it on `valued_on`; log_estimate: log US dollars
    the same member of the model estimates on that day; facts: feature name -> value."""

    property_id: str
    valued_on: dt.date
    leaves: NDArray[np.uint16]
    log_estimate: float
    latitude: float | None
    longitude: float | None
    facts: Facts


class SaleCandidate(NamedTuple):
    """A sale that may be a comparable. leaves [trees] and log_at_sale: of the sold house on its own day;
    log_when_valued: of the same house on the subject's day, None where that was not computed."""

    sale_id: str
    property_id: str
    sale_date: dt.date
    price_usd: float
    leaves: NDArray[np.uint16]
    log_at_sale: float
    log_when_valued: float | None
    latitude: float | None
    longitude: float | None
    facts: Facts


class Comparable(NamedTuple):
    """One comparable sale of a subject.

    score: share of the model's trees that put both into one leaf, 0 to 1. distance_km: great circle; None with
    distance_reason. days_before: from the sale to the valuation, at least 1. adjusted_price_usd: the price times
    1 + adjustment, the model's own difference between the subject when valued and the sold house on its day;
    property_adjustment and time_adjustment are its two factors less 1, None where the model was not asked about the
    sold house on the subject's day.
    """

    sale_id: str
    property_id: str
    sale_date: dt.date
    price_usd: float
    score: float
    shared_trees: int
    trees: int
    distance_km: float | None
    distance_reason: str | None
    days_before: int
    adjustment: float
    property_adjustment: float | None
    time_adjustment: float | None
    adjusted_price_usd: float
    reason: str


def comparables(subject: Subject, candidates: Iterable[SaleCandidate], shown: int = SHOWN) -> list[Comparable]:
    """The best comparables, best first, at most `shown` and at most one a property.

    Only sales strictly before the valuation date, and none of the subject itself, whatever the candidates hold. Raises
    ValueError for a price or an estimate that is not a positive, finite number, and for leaves of another model.
    """
    ranked = _one_a_property(ranking(subject, candidates))
    return [_comparable(subject, sale, shared) for sale, shared in ranked[:shown]]


def ranking(subject: Subject, candidates: Iterable[SaleCandidate]) -> list[tuple[SaleCandidate, int]]:
    """(sale, number of trees that put it and the subject into one leaf), best first; of equals the newer sale.

    Only sales strictly before the valuation date, and none of the subject. Raises ValueError for leaves of another
    model.
    """
    allowed = [
        sale for sale in candidates if sale.sale_date < subject.valued_on and sale.property_id != subject.property_id
    ]
    counted = [(sale, _shared_trees(subject, sale)) for sale in allowed]
    return sorted(counted, key=lambda pair: (-pair[1], -pair[0].sale_date.toordinal(), pair[0].sale_id))


def distance_km(here: tuple[float | None, float | None], there: tuple[float | None, float | None]) -> float | None:
    """Great-circle distance of two (latitude, longitude) in degrees; None where a coordinate is unknown."""
    if any(_unknown(part) for part in (*here, *there)):
        return None
    latitude, longitude, other_latitude, other_longitude = (math.radians(part or 0.0) for part in (*here, *there))
    chord = (
        math.sin((other_latitude - latitude) / 2) ** 2
        + math.cos(latitude) * math.cos(other_latitude) * math.sin((other_longitude - longitude) / 2) ** 2
    )
    return 2 * _EARTH_KM * math.asin(min(1.0, math.sqrt(chord)))


def _shared_trees(subject: Subject, sale: SaleCandidate) -> int:
    if len(sale.leaves) != len(subject.leaves) or not len(subject.leaves):
        raise ValueError(
            f"sale {sale.sale_id} has leaves of {len(sale.leaves)} trees, the subject of {len(subject.leaves)}: they "
            "come from different models"
        )
    return int((sale.leaves == subject.leaves).sum())


def _one_a_property(ranked: list[tuple[SaleCandidate, int]]) -> list[tuple[SaleCandidate, int]]:
    first: dict[str, tuple[SaleCandidate, int]] = {}
    for sale, shared in ranked:
        first.setdefault(sale.property_id, (sale, shared))
    return list(first.values())


def _comparable(subject: Subject, sale: SaleCandidate, shared: int) -> Comparable:
    if not (sale.price_usd > 0 and math.isfinite(sale.price_usd)):
        raise ValueError(f"sale {sale.sale_id} has the price {sale.price_usd}: no valid sale has")
    of_property, of_time = _factors(subject, sale)
    adjustment = math.expm1(_finite(subject.log_estimate - sale.log_at_sale, sale))
    km = distance_km((subject.latitude, subject.longitude), (sale.latitude, sale.longitude))
    found = Comparable(
        sale_id=sale.sale_id,
        property_id=sale.property_id,
        sale_date=sale.sale_date,
        price_usd=sale.price_usd,
        score=shared / len(subject.leaves),
        shared_trees=shared,
        trees=len(subject.leaves),
        distance_km=km,
        distance_reason=None if km is not None else _why_no_distance(subject),
        days_before=(subject.valued_on - sale.sale_date).days,
        adjustment=adjustment,
        property_adjustment=of_property,
        time_adjustment=of_time,
        adjusted_price_usd=sale.price_usd * (1 + adjustment),
        reason="",
    )
    return found._replace(reason=reason_in_words(found, subject.facts, sale.facts))


def _factors(subject: Subject, sale: SaleCandidate) -> tuple[float | None, float | None]:
    """What lies between the two houses on the subject's day, and what between the two days for the sold house."""
    if sale.log_when_valued is None:
        return None, None
    return (
        math.expm1(_finite(subject.log_estimate - sale.log_when_valued, sale)),
        math.expm1(_finite(sale.log_when_valued - sale.log_at_sale, sale)),
    )


def _finite(difference: float, sale: SaleCandidate) -> float:
    if not math.isfinite(difference):
        raise ValueError(f"the model's estimates of the subject and of sale {sale.sale_id} are not both numbers")
    return difference


def _why_no_distance(subject: Subject) -> str:
    is_subject = _unknown(subject.latitude) or _unknown(subject.longitude)
    return SUBJECT_WITHOUT_LOCATION if is_subject else SALE_WITHOUT_LOCATION


def _unknown(part: float | None) -> bool:
    return part is None or math.isnan(part)

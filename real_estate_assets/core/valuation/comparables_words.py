"""Why a sale is shown beside a property, in words made from the facts of both.

Belongs here: sentences. Does not belong here: any choice of sales (`comparables.py`). Nothing is said that is not read
off the two houses, the two days or the model; what is unknown of one of them is said to be unknown.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from real_estate_assets.core.valuation.comparables import Comparable


class _Fact(NamedTuple):
    feature: str
    words: str
    unit: str


FACTS = (
    _Fact("building_sqft", "living area", "sqft"),
    _Fact("lot_size_sqft", "lot", "sqft"),
    _Fact("bedrooms", "bedrooms", ""),
    _Fact("bathrooms", "bathrooms", ""),
    _Fact("units_total", "units", ""),
    _Fact("year_built", "year built", ""),
    _Fact("renovation_year", "year of renovation", ""),
    _Fact("quality_grade", "grade", ""),
    _Fact("condition_score", "condition", ""),
    _Fact("is_waterfront", "waterfront", ""),
)
FACT_NAMES = tuple(fact.feature for fact in FACTS)
_NO_DISTANCE = {
    "subject_without_location": "distance unknown, for the property has no location",
    "sale_without_location": "distance unknown, for the sold house has no location",
}


def reason_in_words(found: Comparable, subject: Mapping[str, Any], sale: Mapping[str, Any]) -> str:
    """Sentences: how alike the model takes them, when and how far, what is the same, what differs, what it adds."""
    share = f"The model puts both into the same leaf in {found.shared_trees} of {found.trees} trees."
    away = _NO_DISTANCE.get(found.distance_reason or "") or _distance(found.distance_km or 0.0)
    when = f"Sold {_count(found.days_before, 'day')} before, {away}."
    return " ".join([share, when, *_compared(subject, sale), _adjusted(found)])


def _compared(subject: Mapping[str, Any], sale: Mapping[str, Any]) -> list[str]:
    same, other, unknown = [], [], []
    for fact in FACTS:
        here, there = _known(subject.get(fact.feature)), _known(sale.get(fact.feature))
        if here is None and there is None:
            continue
        if here is None or there is None:
            whose = "the property" if here is None else "the sold house"
            unknown.append(f"{fact.words} of {whose}")
        elif here != there:
            other.append(f"{fact.words} {_written(there, fact.unit)} against {_written(here, fact.unit)}")
        elif here is not False:  # that neither lies on the water goes without saying
            same.append(f"{fact.words} {_written(here, fact.unit)}")
    sentences = [("The same", same), ("Different, sold house against property", other), ("Unknown", unknown)]
    return [f"{title}: {', '.join(parts)}." for title, parts in sentences if parts]


def _adjusted(found: Comparable) -> str:
    if found.property_adjustment is None or found.time_adjustment is None:
        return f"For house and time together the model {_change(found.adjustment)}."
    house, time = _change(found.property_adjustment), _change(found.time_adjustment)
    return f"For the differences of the house the model {house}, for the time since then it {time}."


def _change(factor: float) -> str:
    percent = abs(factor) * 100
    if percent < 0.05:
        return "adds nothing"
    return f"{'adds' if factor > 0 else 'takes off'} {percent:.1f} %"


def _distance(km: float) -> str:
    return f"{km * 1000:.0f} m away" if km < 1 else f"{km:.1f} km away"


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _known(value: Any) -> Any:
    return None if value is None or (isinstance(value, float) and math.isnan(value)) else value


def _written(value: Any, unit: str) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.0f} {unit}" if unit else f"{value:g}"  # a year is never grouped
    return str(value)

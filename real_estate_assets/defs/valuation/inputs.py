"""What a model rests on: each feature with its share of what the model gained, and the mart's cell it comes from.

Belongs here: from the trees' columns back to features and cells; the trust of an estimate is computed over these.
Does not belong here: that trust (migration 0019b), what a single estimate rests on (explanations).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from real_estate_assets.core.valuation.model import Bag

EARLIER_SALES, TIME = "earlier sales nearby", "day of the sale"  # columns that are no feature of the property
_OF_PLACE = ("latitude", "longitude")
_DERIVED = {"age_years": "year_built", "years_since_renovation": "renovation_year", "day": TIME}


def model_inputs(bag: Bag) -> list[dict[str, Any]]:
    """[{name, source, weight}], heaviest first; weights sum to 1.

    source: `mart.field`, with `[peril]` for a hazard; null for what is no cell. A feature of several cells stands once
    for each of them, with its weight divided.
    """
    found = []
    for name, weight in sorted(_weights(bag).items(), key=lambda one: (-one[1], one[0])):
        cells: list[str | None] = list(_cells(name)) or [None]
        found += [{"name": name, "source": cell, "weight": weight / len(cells)} for cell in cells]
    return found


def _weights(bag: Bag) -> dict[str, float]:
    """Each feature's share of the gain of all splits, averaged over the members of the bag."""
    weights: dict[str, float] = defaultdict(float)
    for name, booster in bag.boosters.items():
        gains: dict[str, Any] = booster.get_score(importance_type="total_gain")
        total = sum(float(gain) for gain in gains.values())
        for column, gain in gains.items():
            place = bag.members[name][int(column.removeprefix("f"))]
            features = list(_features(bag, bag.columns[place]))
            for feature in features:
                weights[feature] += float(gain) / total / len(features) / len(bag.boosters)
    return dict(weights)


def _features(bag: Bag, column: str) -> Iterator[str]:
    if column in _DERIVED:
        yield _DERIVED[column]
    elif column in (*bag.encoder.numbers, *bag.encoder.words, *bag.encoder.hazards):
        yield column
    elif column.startswith(("x_", "y_")):
        yield from _OF_PLACE
    else:
        yield EARLIER_SALES


def _cells(name: str) -> Iterator[str]:
    from real_estate_assets.core.features.registry import features

    for feature in features():
        if feature.entity == "property" and feature.name == name:
            for mart, field in feature.columns:
                table, _, peril = mart.partition("__")
                yield f"{table}.{field}[{peril}]" if peril else f"{table}.{field}"

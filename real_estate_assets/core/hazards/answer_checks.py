"""Checks of the exposures that one layer gave by one method: what must hold of every single answer.

Belongs here: the predicates, over the rows of `Exposures.records()`. Does not belong here: gates of tenants' files
(`expectations/`), which judge records before any of this, and where the verdict is kept (`prov.evidence`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, get_args

from real_estate_assets.core.hazards.layers import Peril

ZONE_METHODS = frozenset({"polygon_overlap", "point_in_zone"})  # the answer is a feature of the layer


def _within(value: float | None, low: float, high: float) -> bool:
    return value is None or low <= value <= high


CHECKS: Mapping[str, Callable[[Mapping[str, Any]], bool]] = {
    "peril_is_known": lambda row: row["peril"] in get_args(Peril),
    "zone_is_a_feature_of_the_layer": lambda row: (
        row["method"] not in ZONE_METHODS or (row["zone_code"] is not None and row["layer_record_no"] is not None)
    ),
    "share_is_above_0_and_at_most_1": lambda row: row["overlap_share"] is None or 0 < row["overlap_share"] <= 1,
    "probability_is_within_0_and_1": lambda row: _within(row["annual_probability"], 0, 1),
    "score_is_within_0_and_100": lambda row: _within(row["source_score_pct"], 0, 100),
    "unknown_has_a_reason": lambda row: (
        (row["null_reason"] is not None) or (row["zone_code"] is not None) or (row["source_score_pct"] is not None)
    ),
}


@dataclass
class AnswerChecks:
    """The verdict on the answers of one layer and method, answer by answer."""

    failed: set[str] = field(default_factory=set)
    answers: int = 0

    def look_at(self, row: Mapping[str, Any]) -> None:
        """Hold one answer against every check. row: as `Exposures.records()` gives it."""
        self.answers += 1
        self.failed.update(name for name, holds in CHECKS.items() if name not in self.failed and not holds(row))

    @property
    def passed(self) -> int:
        """How many checks held for every answer."""
        return len(CHECKS) - len(self.failed)

    @property
    def total(self) -> int:
        """How many checks there are."""
        return len(CHECKS)

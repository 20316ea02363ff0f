"""The reviewed scale of FEMA zones and the composite, as docs/hazards.md describes them.

Belongs here: zone and subtype to score, order of zones, weights of perils. Does not belong here: which zone a place
lies in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from auditor.ledger import Row

MINIMAL_SCORE = 0.05
WEIGHTS = {"flood": 0.4, "wildfire": 0.4, "heat": 0.2}


@dataclass(frozen=True, slots=True)
class Scored:
    """A zone on the scale; `null_reason` says why there is no score."""

    score: float | None
    annual_probability: float | None
    null_reason: str | None


class Scale:
    """The seed hazard_score_scale, looked up by zone and subtype together."""

    def __init__(self, seed: list[Row]) -> None:
        self._rows = {(r["peril"], _word(r["fld_zone"]), _word(r["zone_subty"])): r for r in seed}

    def of(self, peril: str, code: str | None, subtype: str | None) -> Scored:
        """Score and stated chance of a zone."""
        row = self._rows.get((peril, _word(code), _word(subtype)))
        if row is None:
            return Scored(None, None, "zone_not_on_scale")
        if row["score"] is None:
            return Scored(None, row["annual_probability"], "zone_undetermined")
        return Scored(row["score"], row["annual_probability"], None)

    def weight(self, peril: str, code: str | None, subtype: str | None) -> tuple[int, float]:
        """Order of statements: a mapped zone by its score, then one without score, then minimal hazard."""
        score = self.of(peril, code, subtype).score
        if score is None:
            return 1, 0.0
        return (2 if score > MINIMAL_SCORE else 0), score


def composite(scores: Mapping[str, float | None]) -> Scored:
    """The weighted sum of the perils; unknown where one of them is, with their names."""
    unknown = sorted(peril for peril in WEIGHTS if scores.get(peril) is None)
    if unknown:
        return Scored(None, None, f"unknown_peril: {', '.join(unknown)}")
    return Scored(sum(weight * (scores[peril] or 0.0) for peril, weight in WEIGHTS.items()), None, None)


def _word(text: str | None) -> str:
    return " ".join((text or "").upper().split())

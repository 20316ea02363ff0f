"""The score of a FEMA flood zone, by zone and subtype together, as the seed `hazard_score_scale` states it.

Belongs here: reading the seed's rows into a table that answers for (FLD_ZONE, ZONE_SUBTY), and refusing a seed that
does not say why. Does not belong here: the scores themselves (the seed, reviewed like code) and the published score
(dbt joins the same seed): here a score only decides which of several zones is the worst.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

LAYER_KIND = "nfhl"
MINIMAL_ZONE, MINIMAL_SUBTYPE = "X", "AREA OF MINIMAL FLOOD HAZARD"


@dataclass(frozen=True, slots=True)
class ZoneMeaning:
    """One row of the scale. score: 0..1 or None; annual_probability: a year's chance that FEMA defines, or None."""

    score: float | None
    annual_probability: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class FloodScale:
    """Meanings by (zone, subtype); subtype None where FEMA leaves it blank."""

    meanings: Mapping[tuple[str, str | None], ZoneMeaning]

    @classmethod
    def from_rows(cls, rows: Iterable[Mapping[str, str | None]]) -> FloodScale:
        """Read the seed's rows (peril, layer_kind, fld_zone, zone_subty, score, annual_probability, reason).

        Rows of other perils and layer kinds are passed over. Raises ValueError naming the row for a score or
        probability outside 0..1, a missing reason, a zone stated twice, and a scale without the minimal zone.
        """
        meanings: dict[tuple[str, str | None], ZoneMeaning] = {}
        for number, row in enumerate(rows, start=1):
            if (row.get("peril"), row.get("layer_kind")) != ("flood", LAYER_KIND):
                continue
            key, meaning = _meaning(number, row)
            if key in meanings:
                raise ValueError(f"hazard score scale, row {number}: zone {zone_category(*key)} is stated twice")
            meanings[key] = meaning
        if (MINIMAL_ZONE, MINIMAL_SUBTYPE) not in meanings:
            raise ValueError(f"hazard score scale: no row for {zone_category(MINIMAL_ZONE, MINIMAL_SUBTYPE)}")
        return cls(meanings)

    def meaning(self, zone: str | None, subtype: str | None) -> ZoneMeaning | None:
        """What a zone means; None when the scale does not know the pair: nothing is guessed from the zone alone."""
        code = clean_code(zone)
        return None if code is None else self.meanings.get((code, clean_code(subtype)))


def clean_code(text: str | None) -> str | None:
    """A code as the scale writes it: upper case, white space squeezed; None for a blank or a -9999."""
    squeezed = " ".join((text or "").upper().split())
    return None if squeezed in ("", "-9999") else squeezed


def zone_category(zone: str | None, subtype: str | None) -> str | None:
    """The source's own words for a zone: "AE | FLOODWAY", or "AE" where it gives no subtype."""
    words = [word for word in (clean_code(zone), clean_code(subtype)) if word]
    return " | ".join(words) or None


def _meaning(number: int, row: Mapping[str, str | None]) -> tuple[tuple[str, str | None], ZoneMeaning]:
    zone = clean_code(row.get("fld_zone"))
    reason = (row.get("reason") or "").strip()
    if zone is None or not reason:
        raise ValueError(f"hazard score scale, row {number}: fld_zone and reason must both be filled")
    score = _fraction(number, "score", row.get("score"))
    probability = _fraction(number, "annual_probability", row.get("annual_probability"))
    return (zone, clean_code(row.get("zone_subty"))), ZoneMeaning(score, probability, reason)


def _fraction(number: int, column: str, text: str | None) -> float | None:
    if not (text or "").strip():
        return None
    try:
        value = float(text or "")
    except ValueError:
        value = float("nan")
    if not 0 <= value <= 1:
        raise ValueError(f"hazard score scale, row {number}: {column} is {text!r}, expected a number from 0 to 1")
    return value

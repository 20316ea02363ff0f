"""fct_property_hazards: what layers say about a property's place, and their weighted sum.

Belongs here: this mart's cells. Does not belong here: which statement counts (`auditor.hazards`), the scale.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.hazard_scale import Scored, composite
from auditor.hazards import PERILS, Exposure
from auditor.properties import Spoken
from auditor.rules.base import NoSuchRowError, RowRules, Rule, Support, nothing, supported

COMPOSITE = "composite"
SHARE_TOLERANCE = 1e-6  # of areas that two engines cut differently


def _exposed(name: str) -> Rule:
    return lambda self: getattr(self.exposure, name)


class HazardRow(RowRules):
    """One property and peril, or the composite."""

    METHODS: ClassVar = {
        "property_id": "identity",
        **dict.fromkeys(("hazard_score", "null_reason", "annual_probability"), "hazard_scale"),
        **dict.fromkeys(
            (
                "peril", "category", "zone_code", "zone_subtype", "hazard_layer", "resolution", "hazard_method",
                "zones_touched", "overlap_share", "is_sliver",
            ),
            "hazard_join",
        ),
    }  # fmt: skip
    FIELDS: ClassVar = {
        "property_id": lambda self: self.spoken.identified.property_id,
        "peril": lambda self: self.exposure.peril,
        "hazard_score": lambda self: self.scored.score,
        "null_reason": lambda self: self.scored.null_reason,
        "annual_probability": lambda self: self.scored.annual_probability,
        "category": _exposed("category"),
        "zone_code": _exposed("zone_code"),
        "zone_subtype": _exposed("zone_subtype"),
        "hazard_layer": _exposed("layer"),
        "resolution": _exposed("resolution"),
        "hazard_method": _exposed("method"),
        "zones_touched": _exposed("zones_touched"),
        "overlap_share": _exposed("overlap_share"),
        "is_sliver": _exposed("is_sliver"),
        **supported("hazard_evidence_no", "hazard_record_no"),
    }
    tolerance = SHARE_TOLERANCE

    @cached_property
    def spoken(self) -> Spoken:
        """The record that describes the property, and so says which parcel it stands on."""
        found = self.desk.properties.by_id.get(self.row["property_id"])
        if not found:
            raise NoSuchRowError(f"no record of the tenant's files speaks of property {self.row['property_id']}")
        return found[0]

    def _exposure(self, peril: str) -> Exposure:
        identified = self.spoken.identified
        place = self.desk.places.of((identified.county, identified.parcel))
        return self.desk.hazards.exposure(peril, place, identified.county)

    @cached_property
    def exposure(self) -> Exposure:
        """What is known of the property and the peril."""
        if self.row["peril"] == COMPOSITE:
            return Exposure(COMPOSITE, method="weighted_sum")
        if self.row["peril"] not in PERILS:
            raise NoSuchRowError(f"no peril is called {self.row['peril']}")
        return self._exposure(self.row["peril"])

    @cached_property
    def scored(self) -> Scored:
        """The exposure on the scale."""
        if self.row["peril"] == COMPOSITE:
            return composite({peril: self._scored(self._exposure(peril)).score for peril in PERILS})
        return self._scored(self.exposure)

    def _scored(self, exposure: Exposure) -> Scored:
        if exposure.null_reason is not None:
            return Scored(None, None, exposure.null_reason)
        if exposure.score_pct is not None:
            return Scored(exposure.score_pct / 100, None, None)
        return self.desk.scale.of(exposure.peril, exposure.zone_code, exposure.zone_subtype)

    @cached_property
    def supports(self) -> list[Support]:
        """The zone's feature or the county's row; none behind the composite or an unknown."""
        exposure = self.exposure
        if exposure.file is None:
            return [nothing("hazard")]
        return [Support("hazard", exposure.file, exposure.record_no, f"hazard_{exposure.method}")]

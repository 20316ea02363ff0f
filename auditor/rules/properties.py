"""dim_properties: the record that describes a property, its address form, its place.

Belongs here: this mart's cells. Does not belong here: how records are read or places made.
"""

from __future__ import annotations

from functools import cached_property
from typing import ClassVar

from auditor.addresses import Address, standardize
from auditor.places import Place
from auditor.properties import Spoken
from auditor.rules.base import READING, Support, nothing, own, reading, supported
from auditor.rules.records import RecordRow, copied

COPIED = (
    "account_number", "address_raw", "city", "state_or_province", "postal_code", "fiscal_year", "use_code",
    "use_description", "zoning", "tax_district", "lot_size_sqft", "assessed_land_value_usd",
    "assessed_improvement_value_usd", "assessed_total_value_usd", "tax_amount_usd", "has_residential_exemption",
    "gross_area_sqft", "living_area_sqft", "above_grade_area_sqft", "basement_finished_area_sqft",
    "basement_unfinished_area_sqft", "architectural_style", "occupancy", "year_built", "year_renovated", "stories",
    "units_total", "rooms_total", "bedrooms_total", "bathrooms_full", "bathrooms_half", "bathrooms_total",
    "fireplaces_total", "condition_description", "condition_score", "interior_condition_score", "grade_description",
    "grade_score", "view_description", "view_score", "is_waterfront", "heating_type", "heating_fuel", "has_central_air",
    "parking_open_spaces", "parking_covered_spaces", "garage_spaces", "neighborhood_living_area_sqft",
    "neighborhood_lot_size_sqft",
)  # fmt: skip
PLACED = ("latitude", "longitude", "point_4326", "parcel_area_m2", "location_method")
DISSOLVED = "dissolve_by_parcel"
REPAIRED_SHARE = 1e-5  # two ways to repair a ring that crosses itself cover slightly different ground


def place_support(group: str, place: Place | None) -> Support:
    """The record behind a place: the parcel's first piece, or the record that states coordinates."""
    if place is None:
        return nothing(group)
    if place.shape is None:
        return reading(group, place.file, place.record_no)
    return Support(group, place.file, place.record_no, DISSOLVED)


class PropertyRow(RecordRow):
    """One property."""

    METHODS: ClassVar = {
        **dict.fromkeys(("property_id", "identity_basis"), "identity"),
        **dict.fromkeys(("address_usps", "address_status"), "address_standard"),
        **dict.fromkeys(PLACED, "location"),
    }
    FIELDS: ClassVar = {
        **copied(*COPIED),
        "property_id": own("property_id"),
        "county_fips": lambda self: self.identified.county,
        "parcel_number": lambda self: self.identified.parcel,
        "unit_number": lambda self: self.identified.unit or None,
        "identity_basis": lambda self: self.identified.basis,
        "address_usps": lambda self: self.address.line if self.address else None,
        "address_status": lambda self: self.address.status if self.address else None,
        "latitude": lambda self: self.place.point.y if self.place else None,
        "longitude": lambda self: self.place.point.x if self.place else None,
        "point_4326": lambda self: self.place.point if self.place else None,
        "parcel_area_m2": lambda self: self.place.area_m2 if self.place else None,
        "location_method": lambda self: self.place.method if self.place else None,
        "assessor_source_name": lambda self: self.spoken.file.name,
        "assessor_source_kind": lambda self: self.spoken.file.row["source_kind"],
        "assessor_vintage": lambda self: self.spoken.file.vintage,
        "is_in_newest_vintage": own("is_in_newest_vintage"),
        "record_count": lambda self: sum(len(s.identified.records) for s in self.all_spoken()),
        "building_count": lambda self: len(self.identified.records),
        "null_reasons": own("null_reasons"),
        "assessor_checks_failed": lambda self: self.desk.checks.failed(self.spoken.file, self.record_no),
        **supported(
            "assessor_evidence_no", "assessor_record_no", "parcel_geometry_evidence_no", "parcel_geometry_record_no"
        ),
    }

    @cached_property
    def spoken(self) -> Spoken:
        """The best ranked file that speaks of the property."""
        return self.all_spoken()[0]

    @cached_property
    def place(self) -> Place | None:
        """Where the property's parcel lies."""
        place = self.desk.places.of((self.identified.county, self.identified.parcel))
        self.tolerance = REPAIRED_SHARE if place is not None and place.is_repaired else None
        return place

    @cached_property
    def address(self) -> Address | None:
        """The address form; None where the record states no address."""
        said = self.said("address_raw").value
        return None if said is None else standardize(str(said))

    @property
    def is_in_newest_vintage(self) -> bool:
        """Whether the newest vintage of any source lists the property."""
        return any(self.desk.properties.newest(spoken.file) for spoken in self.all_spoken())

    @property
    def null_reasons(self) -> dict[str, str]:
        """Why each null is null. A property without a unit needs no reason."""
        reasons = self.reasons_of(COPIED)
        if "address_raw" in reasons:
            reasons["address_usps"] = reasons["address_raw"]
        if self.place is None:
            reasons |= dict.fromkeys(PLACED, "no_record")
        elif self.place.area_m2 is None:
            reasons["parcel_area_m2"] = "not_in_source"
        return reasons

    @cached_property
    def supports(self) -> list[Support]:
        """The describing record, and the parcel's first piece."""
        return [
            reading("assessor", self.spoken.file, self.record_no),
            place_support("parcel_geometry", self.place),
        ]


__all__ = ["COPIED", "READING", "PropertyRow", "place_support"]

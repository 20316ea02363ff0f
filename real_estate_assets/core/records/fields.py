"""The canonical fields of every record type: name, Postgres type, unit and meaning, stated once.

Belongs here: what a reader may produce and a tenant's column map may name (RESO Data Dictionary names in snake_case,
units in the name). Does not belong here: how a value is parsed (`parsing.py`), nor the marts' own columns
(`dbt_project/`), which have their own contract.

A test holds the `raw.*` tables of the migrations against this list, so the two cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

RecordType = Literal["property", "parcel", "owner", "hazard_zone"]
FieldGroup = Literal["identity", "assessor", "sale", "coordinates", "parcel_geometry", "owner", "hazard"]


@dataclass(frozen=True, slots=True)
class Field:
    """One canonical field. `group` is the field group of provenance: fields that come together from one record."""

    name: str
    pg_type: str
    group: FieldGroup
    description: str
    reso: str | None = None


_KEY = (
    Field("county_fips", "text", "identity", "Five-digit county FIPS code the record belongs to."),
    Field("parcel_number", "text", "identity", "Assessor's parcel number as the source writes it.", "ParcelNumber"),
    Field("unit_number", "text", "identity", "Unit within the parcel as the source writes it.", "UnitNumber"),
    Field("account_number", "text", "identity", "The source's own account key, where it has one besides the parcel."),
)

PROPERTY: tuple[Field, ...] = (
    *_KEY,
    Field("building_number", "integer", "identity", "Number of the building within an account, from 1."),
    Field("address_raw", "text", "assessor", "Street address exactly as the source writes it.", "UnparsedAddress"),
    Field("city", "text", "assessor", "City of the property.", "City"),
    Field("state_or_province", "text", "assessor", "Two-letter state of the property.", "StateOrProvince"),
    Field("postal_code", "text", "assessor", "Postal code of the property.", "PostalCode"),
    Field("fiscal_year", "integer", "assessor", "Fiscal year of the assessment.", "TaxYear"),
    Field("use_code", "text", "assessor", "Land use code in the source's own scheme.", None),
    Field("use_description", "text", "assessor", "Land use in the source's own words."),
    Field("zoning", "text", "assessor", "Zoning district code.", "Zoning"),
    Field("tax_district", "text", "assessor", "Tax district code."),
    Field("lot_size_sqft", "double precision", "assessor", "Area of the lot in square feet.", "LotSizeSquareFeet"),
    Field("assessed_land_value_usd", "numeric(14,2)", "assessor", "Assessed value of the land in US dollars."),
    Field("assessed_improvement_value_usd", "numeric(14,2)", "assessor", "Assessed value of buildings in US dollars."),
    Field(
        "assessed_total_value_usd",
        "numeric(14,2)",
        "assessor",
        "Assessed total value in US dollars.",
        "TaxAssessedValue",
    ),
    Field("tax_amount_usd", "numeric(14,2)", "assessor", "Annual property tax in US dollars.", "TaxAnnualAmount"),
    Field("has_residential_exemption", "boolean", "assessor", "Whether the residential exemption is granted."),
    Field(
        "gross_area_sqft", "double precision", "assessor", "Gross building area in square feet.", "BuildingAreaTotal"
    ),
    Field("living_area_sqft", "double precision", "assessor", "Finished living area in square feet.", "LivingArea"),
    Field(
        "above_grade_area_sqft",
        "double precision",
        "assessor",
        "Living area above grade, square feet.",
        "AboveGradeFinishedArea",
    ),
    Field(
        "basement_finished_area_sqft",
        "double precision",
        "assessor",
        "Finished basement area, square feet.",
        "BelowGradeFinishedArea",
    ),
    Field(
        "basement_unfinished_area_sqft",
        "double precision",
        "assessor",
        "Unfinished basement area, square feet.",
        "BelowGradeUnfinishedArea",
    ),
    Field("architectural_style", "text", "assessor", "Building style in the source's own words.", "ArchitecturalStyle"),
    Field("occupancy", "text", "assessor", "Occupancy code or words of the source."),
    Field("year_built", "integer", "assessor", "Year of construction.", "YearBuilt"),
    Field("year_renovated", "integer", "assessor", "Year of the last major renovation, null if never."),
    Field("stories", "double precision", "assessor", "Number of stories, halves allowed.", "StoriesTotal"),
    Field("units_total", "integer", "assessor", "Number of dwelling units in the building.", "NumberOfUnitsTotal"),
    Field("rooms_total", "integer", "assessor", "Number of rooms.", "RoomsTotal"),
    Field("bedrooms_total", "integer", "assessor", "Number of bedrooms.", "BedroomsTotal"),
    Field("bathrooms_full", "integer", "assessor", "Number of full bathrooms.", "BathroomsFull"),
    Field("bathrooms_half", "integer", "assessor", "Number of half bathrooms.", "BathroomsHalf"),
    Field(
        "bathrooms_total",
        "double precision",
        "assessor",
        "Bathrooms with halves counted as 0.5.",
        "BathroomsTotalInteger",
    ),
    Field("fireplaces_total", "integer", "assessor", "Number of fireplaces.", "FireplacesTotal"),
    Field(
        "condition_description", "text", "assessor", "Overall condition in the source's own words.", "PropertyCondition"
    ),
    Field("condition_score", "double precision", "assessor", "Overall condition on a 1 (poor) to 5 (excellent) scale."),
    Field("interior_condition_score", "double precision", "assessor", "Interior condition, 1 (poor) to 5 (excellent)."),
    Field("grade_description", "text", "assessor", "Construction grade in the source's own words."),
    Field("grade_score", "double precision", "assessor", "Construction grade as the source numbers it."),
    Field("view_description", "text", "assessor", "View in the source's own words.", "View"),
    Field("view_score", "double precision", "assessor", "View as the source numbers it, 0 none to 4 excellent."),
    Field("is_waterfront", "boolean", "assessor", "Whether the property lies on the waterfront.", "WaterfrontYN"),
    Field("heating_type", "text", "assessor", "Heating system in the source's own words.", "Heating"),
    Field("heating_fuel", "text", "assessor", "Heating fuel in the source's own words."),
    Field("has_central_air", "boolean", "assessor", "Whether there is central air conditioning.", "CoolingYN"),
    Field("parking_open_spaces", "integer", "assessor", "Open parking spaces.", "OpenParkingSpaces"),
    Field("parking_covered_spaces", "integer", "assessor", "Covered parking spaces.", "CoveredSpaces"),
    Field("garage_spaces", "integer", "assessor", "Garage spaces.", "GarageSpaces"),
    Field(
        "neighborhood_living_area_sqft",
        "double precision",
        "assessor",
        "Mean living area of the 15 nearest homes, square feet.",
    ),
    Field(
        "neighborhood_lot_size_sqft",
        "double precision",
        "assessor",
        "Mean lot size of the 15 nearest homes, square feet.",
    ),
    Field("sale_price_usd", "numeric(14,2)", "sale", "Price paid at the sale in US dollars.", "ClosePrice"),
    Field("sale_date", "date", "sale", "Date of the sale.", "CloseDate"),
    Field("deed_reference", "text", "sale", "Deed book and page, or certificate number."),
    Field("latitude", "double precision", "coordinates", "Latitude in degrees, EPSG:4326.", "Latitude"),
    Field("longitude", "double precision", "coordinates", "Longitude in degrees, EPSG:4326.", "Longitude"),
)

PARCEL: tuple[Field, ...] = (
    *_KEY[:2],
    Field("geom_4326", "geometry(Geometry,4326)", "parcel_geometry", "Parcel polygon, valid, EPSG:4326."),
    Field("is_repaired", "boolean", "parcel_geometry", "Whether an invalid ring of the source was repaired."),
)

OWNER: tuple[Field, ...] = (
    *_KEY,
    Field("fiscal_year", "integer", "owner", "Fiscal year the ownership is stated for."),
    Field(
        "owner_name_raw",
        "text",
        "owner",
        "Owner exactly as the source writes it; companies and public bodies only.",
        "OwnerName",
    ),
    Field("mailing_address_raw", "text", "owner", "Owner's mailing street address as written."),
    Field("mailing_city", "text", "owner", "Owner's mailing city."),
    Field("mailing_state", "text", "owner", "Owner's mailing state."),
    Field("mailing_postal_code", "text", "owner", "Owner's mailing postal code."),
)

HAZARD_ZONE: tuple[Field, ...] = (
    Field("peril", "text", "hazard", "flood, wildfire or heat."),
    Field("zone_code", "text", "hazard", "The zone's own code: a FEMA zone, a census tract id."),
    Field("category", "text", "hazard", "The zone's category in the source's own words."),
    Field(
        "share_major_pct",
        "double precision",
        "hazard",
        "Share of the zone's properties at major or greater risk, percent.",
    ),
    Field(
        "share_severe_pct",
        "double precision",
        "hazard",
        "Share of the zone's properties at severe or greater risk, percent.",
    ),
    Field("geom_4326", "geometry(Geometry,4326)", "hazard", "Zone polygon, valid, EPSG:4326."),
    Field("is_repaired", "boolean", "hazard", "Whether an invalid ring of the source was repaired."),
)

FIELDS: dict[RecordType, tuple[Field, ...]] = {
    "property": PROPERTY,
    "parcel": PARCEL,
    "owner": OWNER,
    "hazard_zone": HAZARD_ZONE,
}


def field_names(record_type: RecordType) -> tuple[str, ...]:
    """Names of the canonical fields of a record type, in table order."""
    return tuple(f.name for f in FIELDS[record_type])

"""Canonical fields of records and their types, as docs/marts publishes them, so that a second reader needs no first
one.

Belongs here: names and types. Does not belong here: where a field comes from (the tenant's column map).
"""

from __future__ import annotations

_BY_TYPE = {
    "text": (
        "county_fips parcel_number unit_number account_number address_raw city state_or_province postal_code use_code"
        " use_description zoning tax_district architectural_style occupancy condition_description grade_description"
        " view_description heating_type heating_fuel deed_reference owner_name_raw mailing_address_raw mailing_city"
        " mailing_state mailing_postal_code peril zone_code zone_subtype category feature_id county_name"
    ),
    "integer": (
        "building_number fiscal_year year_built year_renovated units_total rooms_total bedrooms_total bathrooms_full"
        " bathrooms_half fireplaces_total parking_open_spaces parking_covered_spaces garage_spaces year"
    ),
    "double precision": (
        "lot_size_sqft gross_area_sqft living_area_sqft above_grade_area_sqft basement_finished_area_sqft"
        " basement_unfinished_area_sqft stories bathrooms_total condition_score interior_condition_score grade_score"
        " view_score neighborhood_living_area_sqft neighborhood_lot_size_sqft latitude longitude share_major_pct"
        " share_severe_pct annual_change_pct index_2000"
    ),
    "numeric(14,2)": (
        "assessed_land_value_usd assessed_improvement_value_usd assessed_total_value_usd tax_amount_usd sale_price_usd"
    ),
    "boolean": "has_residential_exemption is_waterfront has_central_air",
    "date": "sale_date",
}
TYPE_OF = {name: kind for kind, names in _BY_TYPE.items() for name in names.split()}

select
  file_no, record_no, evidence_no,
  county_fips, parcel_number as parcel_number_raw, unit_number as unit_number_raw, account_number, building_number,
  address_raw, city, state_or_province, postal_code, fiscal_year, use_code, use_description, zoning, tax_district,
  lot_size_sqft, assessed_land_value_usd, assessed_improvement_value_usd, assessed_total_value_usd, tax_amount_usd,
  has_residential_exemption, gross_area_sqft, living_area_sqft, above_grade_area_sqft, basement_finished_area_sqft,
  basement_unfinished_area_sqft, architectural_style, occupancy, year_built, year_renovated, stories, units_total,
  rooms_total, bedrooms_total, bathrooms_full, bathrooms_half, bathrooms_total, fireplaces_total,
  condition_description, condition_score, interior_condition_score, grade_description, grade_score, view_description,
  view_score, is_waterfront, heating_type, heating_fuel, has_central_air, parking_open_spaces, parking_covered_spaces,
  garage_spaces, neighborhood_living_area_sqft, neighborhood_lot_size_sqft, sale_price_usd, sale_date, deed_reference,
  latitude, longitude, coalesce(null_reasons, '{}'::jsonb) as null_reasons
from {{ tenant_source('raw', 'property') }}

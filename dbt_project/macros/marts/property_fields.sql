{# The canonical fields of a property record that describe the property, in the order of core/records/fields.py. A unit
   test holds this list against that one and the types against raw.property. Comparison kinds for fct_changes: text, number, date, flag. #}
{% macro assessor_fields() -%}
  {{ return([
    'address_raw', 'city', 'state_or_province', 'postal_code', 'fiscal_year', 'use_code', 'use_description', 'zoning',
    'tax_district', 'lot_size_sqft', 'assessed_land_value_usd', 'assessed_improvement_value_usd',
    'assessed_total_value_usd', 'tax_amount_usd', 'has_residential_exemption', 'gross_area_sqft', 'living_area_sqft',
    'above_grade_area_sqft', 'basement_finished_area_sqft', 'basement_unfinished_area_sqft', 'architectural_style',
    'occupancy', 'year_built', 'year_renovated', 'stories', 'units_total', 'rooms_total', 'bedrooms_total',
    'bathrooms_full', 'bathrooms_half', 'bathrooms_total', 'fireplaces_total', 'condition_description',
    'condition_score', 'interior_condition_score', 'grade_description', 'grade_score', 'view_description',
    'view_score', 'is_waterfront', 'heating_type', 'heating_fuel', 'has_central_air', 'parking_open_spaces',
    'parking_covered_spaces', 'garage_spaces', 'neighborhood_living_area_sqft', 'neighborhood_lot_size_sqft'
  ]) }}
{%- endmacro %}

{% macro sale_fields() -%}
  {{ return(['sale_price_usd', 'sale_date', 'deed_reference']) }}
{%- endmacro %}

{# Fields whose values are words or codes; all other fields but sale_date and the flags are numbers. #}
{% macro text_fields() -%}
  {{ return([
    'address_raw', 'city', 'state_or_province', 'postal_code', 'use_code', 'use_description', 'zoning', 'tax_district',
    'architectural_style', 'occupancy', 'condition_description', 'grade_description', 'view_description',
    'heating_type', 'heating_fuel', 'deed_reference'
  ]) }}
{%- endmacro %}

{% macro flag_fields() -%}
  {{ return(['has_residential_exemption', 'is_waterfront', 'has_central_air']) }}
{%- endmacro %}

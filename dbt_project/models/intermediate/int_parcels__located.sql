{# Where each parcel lies, and how many properties stand on it. #}
{{ config(materialized='ephemeral') }}

with locations as (
  select * from {{ tenant_ref('stg_enrichment__locations') }}
),

properties as (
  select county_fips, parcel_number, count(*)::integer as property_count
  from {{ tenant_ref('int_property_records__ranked') }}
  where property_rank = 1
  group by county_fips, parcel_number
),

final as (
  select locations.*, coalesce(properties.property_count, 0) as property_count
  from locations
  left join properties
    on locations.county_fips = properties.county_fips and locations.parcel_number = properties.parcel_number
)

select * from final

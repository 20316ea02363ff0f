{# The public index, of the counties that the tenant has properties in. #}
{{ config(materialized='ephemeral') }}

with counties as (
  select distinct county_fips from {{ tenant_ref('int_property_records__ranked') }}
),

house_price_index as (
  select * from {{ tenant_ref('stg_reference__house_price_index') }}
),

final as (
  select house_price_index.*
  from house_price_index
  inner join counties on house_price_index.county_fips = counties.county_fips
)

select * from final

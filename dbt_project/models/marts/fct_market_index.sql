with counties as (
  select distinct county_fips from {{ tenant_ref('int_property_records__ranked') }}
),

house_price_index as (
  select * from {{ tenant_ref('stg_reference__house_price_index') }}
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    house_price_index.county_fips,
    house_price_index.year,
    house_price_index.index_value,
    house_price_index.annual_change_pct,
    house_price_index.public_sha256 as market_index_public_sha256,
    house_price_index.record_no as market_index_record_no
  from house_price_index
  inner join counties on house_price_index.county_fips = counties.county_fips
)

select * from final

with house_prices as (
  select * from {{ tenant_ref('int_house_prices__of_counties') }}
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    county_fips,
    year,
    index_value,
    annual_change_pct,
    public_sha256 as market_index_public_sha256,
    record_no as market_index_record_no
  from house_prices
)

select * from final

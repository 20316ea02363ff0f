{# Medians of sales that nothing speaks against, by month, for each county and each postal code. #}
with sales as (
  select * from {{ tenant_ref('fct_sales') }}
  where is_arms_length and sale_date is not null
),

areas as (
  select
    county_fips, 'county' as area_kind, county_fips as area_code, sale_date, sale_price_usd, sale_price_usd_per_sqft,
    sale_evidence_no
  from sales
  union all
  select
    county_fips, 'postal_code', postal_code, sale_date, sale_price_usd, sale_price_usd_per_sqft, sale_evidence_no
  from sales
  where postal_code is not null
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    county_fips,
    area_kind,
    area_code,
    date_trunc('month', sale_date)::date as sale_month,
    count(*)::integer as sale_count,
    (percentile_cont(0.5) within group (order by sale_price_usd))::numeric(14, 2) as median_price_usd,
    count(sale_price_usd_per_sqft)::integer as sale_with_area_count,
    (percentile_cont(0.5) within group (order by sale_price_usd_per_sqft))::numeric(14, 2) as median_price_usd_per_sqft,
    array_agg(distinct sale_evidence_no order by sale_evidence_no) as sale_evidence_nos
  from areas
  group by county_fips, area_kind, area_code, date_trunc('month', sale_date)
)

select * from final

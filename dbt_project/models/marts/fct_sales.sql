{{ config(indexes=[{'columns': ['property_id', 'sale_date']}, {'columns': ['sale_date']}]) }}
{%- set nominal = var('nominal_price_usd') %}

with sales as (
  select * from {{ tenant_ref('int_sales__deduped') }}
),

-- One deed may convey several properties for one price; then the price is not the price of any one of them.
deeds as (
  select deed_reference, sale_date, sale_price_usd, count(distinct property_id)::integer as deed_property_count
  from sales
  where deed_reference is not null and sale_date is not null and sale_price_usd is not null
  group by deed_reference, sale_date, sale_price_usd
),

in_order as (
  select
    sales.*, deeds.deed_property_count,
    max(sales.sale_date) filter (where sales.sale_price_usd > {{ nominal }}) over (
      partition by sales.property_id order by sales.sale_date
      range between unbounded preceding and interval '1 day' preceding
    ) as previous_sale_date
  from sales
  left join deeds
    on sales.deed_reference = deeds.deed_reference and sales.sale_date = deeds.sale_date
    and sales.sale_price_usd = deeds.sale_price_usd
),

flagged as (
  select
    in_order.*,
    sale_price_usd <= {{ nominal }} as is_price_nominal,
    deed_property_count > 1 as is_multi_property_sale,
    case
      when sale_date <= previous_sale_date + interval '{{ var("resale_months") }} months' then true
      -- Only a file of sales lists them all; a roll states each property's last one, so an earlier one is unknown.
      when source_kind = 'sales_file' and sale_date is not null then false
    end as is_resale_within_12_months
  from in_order
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    sale_id,
    property_id,
    county_fips,
    postal_code,
    sale_date,
    sale_price_usd,
    deed_reference,
    living_area_sqft,
    (sale_price_usd / nullif(living_area_sqft, 0)::numeric)::numeric(14, 2) as sale_price_usd_per_sqft,
    case
      when sale_price_usd is null then null
      else not is_price_nominal and not coalesce(is_multi_property_sale, false)
    end as is_arms_length,
    is_price_nominal,
    is_multi_property_sale,
    is_resale_within_12_months,
    previous_sale_date,
    array_remove(array[
      case when is_price_nominal then 'nominal_price' end,
      case when is_multi_property_sale then 'multi_property_deed' end,
      case when is_resale_within_12_months then 'resale_within_12_months' end,
      case when is_resale_within_12_months is null then 'earlier_sales_unknown' end,
      case when sale_price_usd is null then 'price_unknown' end,
      case when sale_date is null then 'date_unknown' end
    ], null) as validity_reasons,
    source_name,
    file_record_nos as sale_record_nos,
    {{ evidence_columns('sale', 'flagged') }}
  from flagged
)

select * from final

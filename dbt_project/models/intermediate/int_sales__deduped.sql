{# One row a sale. Several records that state one property, date, price and deed are one sale: further buildings of an
   account, or the same sale in a later vintage. The evidence is the record by which the property itself would be
   described; all records of that file are kept as locators. Only files that give a price speak of sales at all. #}
{{ config(indexes=[{'columns': ['property_id']}]) }}

with records as (
  select * from {{ tenant_ref('int_records__accepted') }}
),

properties as (
  select * from {{ tenant_ref('stg_raw__properties') }}
),

source_files as (
  select * from {{ tenant_ref('int_source_files__described') }}
  where 'sale_price_usd' = any(mapped_fields)
),

stated as (
  select
    records.file_no, records.record_no, records.evidence_no, records.property_id, records.county_fips,
    source_files.source_name, source_files.source_kind, source_files.source_reliability, source_files.vintage,
    properties.sale_date, properties.sale_price_usd, properties.living_area_sqft, properties.postal_code,
    upper(regexp_replace(trim(properties.deed_reference), '\s+', ' ', 'g')) as deed_reference,
    properties.null_reasons
  from records
  inner join source_files on records.file_no = source_files.file_no
  inner join properties on records.file_no = properties.file_no and records.record_no = properties.record_no
  where properties.sale_date is not null or properties.sale_price_usd is not null
),

identified as (
  select
    stated.*,
    -- A deterministic id without the tenant: the same sale of the same property has the same id for every tenant.
    md5(concat_ws(
      '|', property_id, coalesce(sale_date::text, ''), coalesce(sale_price_usd::numeric(14, 2)::text, ''),
      coalesce(deed_reference, '')
    ))::uuid as sale_id
  from stated
),

located as (
  select
    identified.*,
    array_agg(record_no) over (partition by sale_id, file_no) as file_record_nos,
    row_number() over (
      partition by sale_id
      order by source_reliability desc, vintage desc nulls last, file_no desc, record_no
    ) as sale_rank
  from identified
),

final as (
  select
    '__TENANT__'::text as tenant_id, sale_id, property_id, county_fips, postal_code, sale_date, sale_price_usd,
    deed_reference, living_area_sqft, source_name, source_kind, null_reasons, file_no, evidence_no, record_no,
    array(
      select number from unnest(file_record_nos) as number
      order by number
    ) as file_record_nos
  from located
  where sale_rank = 1
)

select * from final

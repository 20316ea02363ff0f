{%- set fields = [
  'use_code', 'use_description', 'assessed_land_value_usd', 'assessed_improvement_value_usd',
  'assessed_total_value_usd', 'tax_amount_usd', 'has_residential_exemption', 'lot_size_sqft', 'gross_area_sqft',
  'living_area_sqft', 'year_built'
] %}

with records as (
  select * from {{ tenant_ref('int_property_records__joined') }}
  where fiscal_year is not null
),

-- Materialized: inlined, the object would be made again for every field of every record (50 s instead of 1).
source_files as materialized (
  select file_no, {{ not_in_source(fields, 'mapped_fields') }} as not_in_source
  from {{ tenant_ref('int_source_files__described') }}
),

-- One fiscal year of one source may have arrived twice: the newest vintage holds, as for the property itself.
assessed as (
  select distinct on (records.property_id, records.source_name, records.fiscal_year)
    records.*, source_files.not_in_source
  from records
  inner join source_files on records.file_no = source_files.file_no
  order by records.property_id, records.source_name, records.fiscal_year, records.property_rank
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    property_id,
    source_name,
    fiscal_year,
    {% for field in fields -%}
    {{ field }},
    {% endfor -%}
    file_record_count as building_count,
    {{ null_reasons(fields, 'assessed') }} as null_reasons,
    vintage as assessor_vintage,
    file_record_nos as assessor_record_nos,
    assessor_checks_failed,
    {{ evidence_columns('assessor', 'assessed') }}
  from assessed
)

select * from final

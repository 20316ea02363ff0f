{# The ranked records with everything they state: what the marts about properties read. Not a table of its own, since it
   would be the raw records once more. #}
{{ config(materialized='ephemeral') }}

with ranked as (
  select * from {{ tenant_ref('int_property_records__ranked') }}
),

properties as (
  select * from {{ tenant_ref('stg_raw__properties') }}
),

final as (
  select
    ranked.*,
    {% for field in assessor_fields() + sale_fields() -%}
    properties.{{ field }},
    {% endfor -%}
    properties.null_reasons,
    {{ failed_row_checks('properties') }} as assessor_checks_failed
  from ranked
  inner join properties on ranked.file_no = properties.file_no and ranked.record_no = properties.record_no
)

select * from final

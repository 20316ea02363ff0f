{# What became of the records of each file. A record refused while reading stands in the quarantine only; one refused later
   stands among the raw ones too. #}
{{ config(materialized='ephemeral') }}

with source_files as (
  select * from {{ tenant_ref('int_source_files__described') }}
),

refused as (
  select distinct file_no, record_no from {{ tenant_ref('stg_quarantine__records') }}
),

accepted as (
  select records.file_no, count(*)::integer as accepted_count
  from {{ tenant_ref('stg_raw__records') }} as records
  left join refused on records.file_no = refused.file_no and records.record_no = refused.record_no
  where refused.record_no is null
  group by records.file_no
),

quarantined as (
  select file_no, count(*)::integer as quarantined_count
  from refused
  group by file_no
),

final as (
  select
    source_files.*, coalesce(accepted.accepted_count, 0) as accepted_count,
    coalesce(quarantined.quarantined_count, 0) as quarantined_count
  from source_files
  left join accepted on source_files.file_no = accepted.file_no
  left join quarantined on source_files.file_no = quarantined.file_no
)

select * from final

{# The vintages of each source in their order. An undated vintage comes first: nothing says that it is newer. #}
with source_files as (
  select * from {{ tenant_ref('stg_prov__source_files') }}
),

source_kinds as (
  select * from {{ tenant_ref('stg_prov__source_kinds') }}
),

final as (
  select
    '__TENANT__'::text as tenant_id, source_files.file_no, source_files.source_name, source_files.source_kind,
    source_files.record_type, source_files.vintage, source_files.received_at, source_files.sha256,
    source_files.read_status, source_files.record_count, source_files.mapped_fields,
    -- A kind that nobody reviewed is trusted least: 0.2 is the value of the unknown in the trust model.
    coalesce(source_kinds.reliability, 0.2) as source_reliability,
    lag(source_files.file_no) over vintages as previous_file_no,
    lead(source_files.file_no) over vintages is null as is_newest
  from source_files
  left join source_kinds on source_files.source_kind = source_kinds.source_kind
  -- A file that a batch rule stopped speaks of nothing yet.
  where source_files.read_status = 'read' and source_files.gate_passed is not false
  window vintages as (
    partition by source_files.source_name
    order by source_files.vintage nulls first, source_files.file_no
  )
)

select * from final

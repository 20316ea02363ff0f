with source_files as (
  select * from {{ tenant_ref('int_source_files__counted') }}
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    file_no,
    source_name,
    source_kind,
    record_type,
    vintage,
    is_newest as is_newest_vintage,
    previous_file_no,
    received_at,
    sha256,
    source_reliability,
    record_count,
    accepted_count,
    quarantined_count
  from source_files
)

select * from final

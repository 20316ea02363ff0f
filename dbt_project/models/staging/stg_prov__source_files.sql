{# mapped_fields: the canonical fields this file gives. An entry is the source with one file, whose own columns go first; a
   field it maps to null is one that this file does not have. A file that was taken back counts for
   nothing until it is restored: prov.is_recalled is the one place that says so, for the stages before dbt too. #}
select
  file_no, source_name, source_kind, vintage, received_at, sha256, record_type, read_status, gate_passed,
  record_count,
  array(
    select mapping.key
    from jsonb_each((source_entry -> 'columns') || coalesce(source_entry #> '{files,0,columns}', '{}')) as mapping
    where mapping.value <> 'null'
    order by mapping.key
  ) as mapped_fields
from {{ tenant_rows('prov', 'source_file') }} as file
where is_current and not prov.is_recalled(file.tenant_id, file.file_no)

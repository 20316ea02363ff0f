{# Which of a property's records describes it: the newest vintage of the most reliable source, whole, never field by field
   (a field group comes from one record). An undated vintage goes last; equals are told apart by the order of arrival. #}
{{ config(indexes=[{'columns': ['property_id']}]) }}

with records as (
  select * from {{ tenant_ref('int_records__accepted') }}
),

source_files as (
  select * from {{ tenant_ref('int_source_files__described') }}
),

per_file as (
  select
    property_id, file_no, count(*)::integer as file_record_count,
    array_agg(record_no order by record_no) as file_record_nos
  from records
  group by property_id, file_no
),

final as (
  select
    records.*, source_files.source_name, source_files.source_kind, source_files.vintage, source_files.is_newest,
    per_file.file_record_count, per_file.file_record_nos,
    row_number() over (
      partition by records.property_id
      order by source_files.source_reliability desc, source_files.vintage desc nulls last, records.file_no desc
    )::integer as property_rank,
    sum(per_file.file_record_count) over (partition by records.property_id)::integer as record_count,
    bool_or(source_files.is_newest) over (partition by records.property_id) as is_in_newest_vintage
  from records
  inner join source_files on records.file_no = source_files.file_no
  inner join per_file on records.property_id = per_file.property_id and records.file_no = per_file.file_no
  where records.is_primary
)

select * from final

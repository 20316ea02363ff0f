{# Which of a property's records describes it: the newest vintage of the most reliable source, whole, never field by field
   (a field group comes from one record). An undated vintage goes last; equals are told apart by the order of arrival. #}
{{ config(indexes=[{'columns': ['property_id']}]) }}

with records as (
  select * from {{ tenant_ref('int_records__accepted') }}
),

newest_files as (
  select distinct on (source_name) source_name, file_no as newest_file_no
  from (select distinct source_name, file_no, vintage from records) as files
  order by source_name, vintage desc nulls last, file_no desc
),

per_file as (
  select property_id, file_no, count(*)::integer as building_count, array_agg(record_no order by record_no) as record_nos
  from records
  group by property_id, file_no
),

ranked as (
  select
    records.*,
    row_number() over (
      partition by records.property_id
      order by records.source_reliability desc, records.vintage desc nulls last, records.file_no desc
    )::integer as property_rank,
    sum(per_file.building_count) over (partition by records.property_id)::integer as record_count,
    bool_or(newest_files.newest_file_no is not null) over (partition by records.property_id) as is_in_newest_vintage,
    per_file.building_count, per_file.record_nos
  from records
  join per_file on records.property_id = per_file.property_id and records.file_no = per_file.file_no
  left join newest_files on records.file_no = newest_files.newest_file_no
  where records.is_primary
)

select * from ranked

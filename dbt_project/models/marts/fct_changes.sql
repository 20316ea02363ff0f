{# What differs between two successive vintages of one source, field by field, beyond the field's tolerance. Only fields
   that both files give are compared, and values are compared as what they are: 12479 and 12478.9999752 are one area. #}
{{ config(indexes=[{'columns': ['property_id']}]) }}
{%- set fields = (assessor_fields() + sale_fields()) | reject('in', ['fiscal_year']) | list %}

with source_files as (
  select * from {{ tenant_ref('int_source_files__described') }}
  where record_type = 'property'
),

pairs as (
  select
    newer.source_name, newer.file_no, newer.previous_file_no, newer.vintage, older.vintage as previous_vintage,
    array(
      select unnest(newer.mapped_fields)
      intersect
      select unnest(older.mapped_fields)
    ) as compared_fields
  from source_files as newer
  inner join source_files as older on newer.previous_file_no = older.file_no
  -- A file of events is no picture of a state: what the next one does not repeat has not disappeared.
  where newer.source_kind <> 'sales_file'
),

records as (
  select * from {{ tenant_ref('int_property_records__joined') }}
),

tolerances as (
  select * from {{ ref('field_tolerance') }}
),

newer as (
  select pairs.file_no as pair_no, records.*
  from pairs
  inner join records on pairs.file_no = records.file_no
),

older as (
  select pairs.file_no as pair_no, records.*
  from pairs
  inner join records on pairs.previous_file_no = records.file_no
),

-- Both sides in one row, every field in one row: words as text, everything that can be measured as a number.
unpivoted as (
  select
    newer.property_id, newer.pair_no, newer.evidence_no as new_evidence_no, newer.record_no as new_record_no,
    older.evidence_no as old_evidence_no, older.record_no as old_record_no, field.*
  from newer
  inner join older on newer.pair_no = older.pair_no and newer.property_id = older.property_id
  cross join lateral (values
    {%- for field in fields %}
    {% if field in text_fields() -%}
    ('{{ field }}', older.{{ field }}, newer.{{ field }}, null::double precision, null::double precision)
    {%- elif field in flag_fields() or field == 'sale_date' -%}
    ('{{ field }}', older.{{ field }}::text, newer.{{ field }}::text, null, null)
    {%- else -%}
    ('{{ field }}', null::text, null::text, older.{{ field }}::double precision, newer.{{ field }}::double precision)
    {%- endif -%}
    {{ ',' if not loop.last }}
    {%- endfor %}
  ) as field (field, old_text, new_text, old_number, new_number)
  where field.old_text is distinct from field.new_text or field.old_number is distinct from field.new_number
),

differing as (
  select
    unpivoted.*, pairs.source_name, pairs.vintage, pairs.previous_vintage, tolerances.tolerance,
    case
      when coalesce(unpivoted.old_text, unpivoted.old_number::text) is null then 'appeared'
      when coalesce(unpivoted.new_text, unpivoted.new_number::text) is null then 'disappeared'
      else 'changed'
    end as change_kind
  from unpivoted
  inner join pairs on unpivoted.pair_no = pairs.file_no
  left join tolerances on unpivoted.field = tolerances.field
  where unpivoted.field = any(pairs.compared_fields)
),

beyond_tolerance as (
  select * from differing
  where change_kind <> 'changed'
    or upper(regexp_replace(trim(old_text), '\s+', ' ', 'g')) <> upper(regexp_replace(trim(new_text), '\s+', ' ', 'g'))
    or abs(new_number - old_number) > coalesce(tolerance, 0) * abs(old_number)
),

whole_properties as (
  select
    coalesce(newer.property_id, older.property_id) as property_id, coalesce(newer.pair_no, older.pair_no) as pair_no,
    case when older.property_id is null then 'appeared' else 'disappeared' end as change_kind,
    newer.evidence_no as new_evidence_no, newer.record_no as new_record_no, older.evidence_no as old_evidence_no,
    older.record_no as old_record_no
  from newer
  full join older on newer.pair_no = older.pair_no and newer.property_id = older.property_id
  where newer.property_id is null or older.property_id is null
),

final as (
  select
    '__TENANT__'::text as tenant_id,
    property_id,
    source_name,
    pair_no as new_file_no,
    field,
    change_kind,
    previous_vintage as old_vintage,
    vintage as new_vintage,
    coalesce(old_text, old_number::text) as old_value,
    coalesce(new_text, new_number::text) as new_value,
    old_number as old_value_number,
    new_number as new_value_number,
    (new_number - old_number) / nullif(abs(old_number), 0) as relative_change,
    coalesce(new_evidence_no, 0) as new_assessor_evidence_no,
    new_record_no as new_assessor_record_no,
    coalesce(old_evidence_no, 0) as old_assessor_evidence_no,
    old_record_no as old_assessor_record_no
  from beyond_tolerance
  union all
  select
    '__TENANT__', whole_properties.property_id, pairs.source_name, pairs.file_no, 'property',
    whole_properties.change_kind, pairs.previous_vintage, pairs.vintage, null, null, null, null, null,
    coalesce(whole_properties.new_evidence_no, 0), whole_properties.new_record_no,
    coalesce(whole_properties.old_evidence_no, 0), whole_properties.old_record_no
  from whole_properties
  inner join pairs on whole_properties.pair_no = pairs.file_no
)

select * from final

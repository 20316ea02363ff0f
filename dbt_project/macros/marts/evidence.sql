{# The columns by which a mart row points at its evidence: <group>_evidence_no (a row of prov.evidence) and
   <group>_record_no (the record within that evidence's file). Evidence 0 is the tenant's explicit "no record". #}
{% macro evidence_columns(field_group, relation) -%}
coalesce({{ relation }}.evidence_no, 0) as {{ field_group }}_evidence_no,
    {{ relation }}.record_no as {{ field_group }}_record_no
{%- endmacro %}

{# Why each null field of a record is null, {"field": reason}: what the reader wrote down (null_marker, out_of_bounds,
   unparseable), else not_in_source where the file does not give the field (column not_in_source, made once a file by
   the macro of that name), else blank_in_source.
   Objects are built 45 fields at a time, because a Postgres function takes 100 arguments, and each value is looked up:
   merging objects with || took three times as long. #}
{% macro null_reasons(fields, relation) -%}
{%- for chunk in fields | batch(45) -%}
jsonb_strip_nulls(jsonb_build_object(
      {%- for field in chunk %}
      '{{ field }}', case when {{ relation }}.{{ field }} is null then coalesce(
        {{ relation }}.null_reasons ->> '{{ field }}', {{ relation }}.not_in_source ->> '{{ field }}', 'blank_in_source'
      ) end{{ ',' if not loop.last }}
      {%- endfor %}
    )) {{- ' || ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{# {"field": "not_in_source"} for the fields that a file does not give. #}
{% macro not_in_source(fields, mapped_fields) -%}
(
      select coalesce(jsonb_object_agg(field, 'not_in_source'), '{}')
      from unnest({{ text_array(fields) }}) as field
      where not field = any({{ mapped_fields }})
    )
{%- endmacro %}

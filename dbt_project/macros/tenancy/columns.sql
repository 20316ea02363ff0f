{# Columns of a relation with their exact Postgres types. dbt's own reads information_schema, which says USER-DEFINED for a
   geometry and ARRAY for an array: neither can be cast to, so a unit test could not hold such a column. #}
{% macro postgres__get_columns_in_relation(relation) -%}
  {% call statement('get_columns_in_relation', fetch_result=True) %}
    select attname, format_type(atttypid, atttypmod), null::integer, null::integer, null::integer
    from pg_attribute
    where attrelid = to_regclass({{ quoted(relation) }}) and attnum > 0 and not attisdropped
    order by attnum
  {% endcall %}
  {{ return(sql_convert_columns_in_relation(load_result('get_columns_in_relation').table)) }}
{%- endmacro %}

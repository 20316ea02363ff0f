{# Values as SQL literals. #}

{% macro quoted(value) -%}
  {{ return("'" ~ (value | string | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{% macro text_array(values) -%}
  {%- set items = [] -%}
  {%- for value in values -%}{%- do items.append(quoted(value)) -%}{%- endfor -%}
  {{ return("array[" ~ items | join(', ') ~ "]::text[]") }}
{%- endmacro %}

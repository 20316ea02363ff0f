{# Which tenants this invocation is for: var tenant_ids (a list), else the environment's DBT_TENANT_IDS (a JSON list).
   The variable is read while running only. dbt parses everything anew when --vars differ from the last call's (6.4 s of
   CPU for one small model), while a variable of the environment that no parsed file reads leaves the parse valid (3.5 s).
   A slug is checked although Postgres checks it again: it goes into SQL text. #}
{% macro tenant_ids() -%}
  {%- if not execute -%}{{ return([]) }}{%- endif -%}
  {%- set ids = var('tenant_ids', none) -%}
  {%- if ids is none -%}{%- set ids = fromjson(env_var('DBT_TENANT_IDS', '[]')) -%}{%- endif -%}
  {%- if ids is string or ids is not iterable or ids | length == 0 -%}
    {{ exceptions.raise_compiler_error("which tenants? Give a list: --vars '{\"tenant_ids\": [\"acme\"]}' (or DBT_TENANT_IDS='[\"acme\"]')") }}
  {%- endif -%}
  {%- for id in ids -%}
    {%- if not modules.re.fullmatch('[a-z0-9][a-z0-9-]{0,62}', id | string) -%}
      {{ exceptions.raise_compiler_error("'" ~ id ~ "' is no tenant id: lower case letters, digits and '-', at most 63") }}
    {%- endif -%}
  {%- endfor -%}
  {{ return(ids | unique | list) }}
{%- endmacro %}

{# What Postgres does to a new heap before anybody reads it, from the model's contract and `indexes`; %s is the heap.
   The primary key is unique by an index that leaves tenant_id out: it is one value in the whole heap. #}
{% macro finish_statements() -%}
  {%- set statements = [] -%}
  {%- set not_null = [] -%}
  {%- for constraint in model.constraints or [] if constraint.type == 'primary_key' -%}
    {%- set key = constraint.columns | reject('equalto', 'tenant_id') | list -%}
    {%- do not_null.extend(key) -%}
    {%- do statements.append('create unique index on %s (' ~ key | join(', ') ~ ')') -%}
  {%- endfor -%}
  {%- for column in model.columns.values() -%}
    {%- for constraint in column.constraints or [] if constraint.type == 'not_null' and column.name != 'tenant_id' -%}
      {%- do not_null.append(column.name) -%}
    {%- endfor -%}
  {%- endfor -%}
  {%- if not_null -%}
    {%- do statements.insert(0, 'alter table %s alter ' ~ not_null | unique | join(' set not null, alter ') ~ ' set not null') -%}
  {%- endif -%}
  {%- for index in config.get('indexes', []) -%}
    {%- do statements.append('create ' ~ ('unique ' if index.get('unique') else '') ~ 'index on %s using ' ~ index.get('type', 'btree') ~ ' (' ~ index.columns | join(', ') ~ ')') -%}
  {%- endfor -%}
  {{ return(statements) }}
{%- endmacro %}

{# The contract as tenancy.contract_breach wants it, or null for a model without one. #}
{% macro contract_literal() -%}
  {%- if not model.config.contract.enforced -%}{{ return('null::jsonb') }}{%- endif -%}
  {%- set columns = [] -%}
  {%- for column in model.columns.values() -%}
    {%- do columns.append({'name': column.name, 'data_type': column.data_type}) -%}
  {%- endfor -%}
  {{ return(quoted(tojson(columns)) ~ '::jsonb') }}
{%- endmacro %}

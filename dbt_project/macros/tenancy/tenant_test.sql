{# Data tests, once per tenant. A test reads the tenant's partition, or the heap that this invocation staged. #}

{% macro get_where_subquery(relation) -%}
  {%- set where = config.get('where', '') -%}
  {{ return('(select * from ' ~ tenant_leaf(relation) ~ (' where ' ~ where if where else '') ~ ') dbt_subquery') }}
{%- endmacro %}

{# dbt itself sees an error, and skips everything downstream for everybody, only where no tenant passed; else a warning.
   What is blocked for one tenant is decided in tenancy.blocked_by. Seeds have no tenants and no data tests here: unit tests hold their files. #}
{% materialization test, adapter='postgres' %}
  {%- set severity = config.get('severity') | lower -%}
  {%- set counted -%}select {{ config.get('fail_calc') }} from ({{ sql }}) dbt_internal_test{%- endset -%}
  {%- set tenants = text_array(tenant_ids()) -%}
  {%- set before = outcome_summary() -%}
  {% call statement('test', auto_begin=False) %}
    call tenancy.test_all({{ quoted(invocation_id) }}, {{ quoted(model.unique_id) }}, {{ text_array(upstream_nodes()) }},
      {{ tenants }}, {{ quoted(counted) }}, {{ quoted(severity) }})
  {% endcall %}
  {%- set summary = outcome_summary() -%}
  {% call statement('main', fetch_result=True) %}
    select {{ [summary.failed_rows, summary.failed] | max }} as failures, {{ summary.failed > 0 }} as should_warn,
      {{ summary.failed > 0 and summary.ok == 0 and severity == 'error' }} as should_error
  {% endcall %}
  {% do adapter.commit() %}
  {{ return({'relations': []}) }}
{% endmaterialization %}

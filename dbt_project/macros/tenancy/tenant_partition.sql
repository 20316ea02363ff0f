{# Materialization of a tenant model: one CALL stages the heap of every tenant. One tenant's error is that tenant's outcome;
   the node fails only where no tenant succeeded. Nothing is served before publish_tenants, so a build that is killed, or
   run with --full-refresh, erases nothing.
   The CALL commits tenant by tenant, so it must run outside a transaction: auto_begin=False directly after a commit. #}
{% materialization tenant_partition, adapter='postgres' %}
  {{ run_hooks(pre_hooks, inside_transaction=False) }}
  {%- set tenants = text_array(tenant_ids()) -%}
  {%- set before = outcome_summary() -%}
  {% call statement('stage', auto_begin=False) %}
    call tenancy.stage_all({{ quoted(invocation_id) }}, {{ quoted(model.unique_id) }}, {{ text_array(upstream_nodes()) }},
      {{ quoted(this.schema) }}, {{ quoted(this.identifier) }}, {{ tenants }}, {{ quoted(sql) }},
      {{ text_array(finish_statements()) }}, {{ contract_literal() }})
  {% endcall %}
  {%- set summary = outcome_summary() -%}
  {%- if summary.ok == 0 -%}{{ exceptions.raise_compiler_error(this.identifier ~ ': no tenant succeeded; ' ~ summary.first_error) }}{%- endif -%}
  {{ run_hooks(post_hooks, inside_transaction=False) }}
  {% do store_raw_result('main', message=summary.ok ~ ' tenants staged, ' ~ summary.failed ~ ' failed or blocked', code='TENANTS', rows_affected=summary.rows) %}
  {{ return({'relations': [this.incorporate(type='table')]}) }}
{% endmaterialization %}

{# Counts of this node's outcomes over the tenants. It also leaves the connection outside any transaction. #}
{% macro outcome_summary() -%}
  {% call statement('summary', fetch_result=True, auto_begin=True) %}
    select
      count(*) filter (where is_ok), count(*) filter (where not is_ok), coalesce(sum(row_count), 0)::bigint,
      coalesce(sum(failed_rows), 0)::bigint, coalesce(min(tenant_id || ': ' || coalesce(error, stage)) filter (where not is_ok), '')
    from tenancy.outcome where invocation_id = {{ quoted(invocation_id) }} and node_id = {{ quoted(model.unique_id) }}
  {% endcall %}
  {% do adapter.commit() %}
  {%- set row = load_result('summary').data[0] -%}
  {{ return({'ok': row[0], 'failed': row[1], 'rows': row[2], 'failed_rows': row[3], 'first_error': row[4]}) }}
{%- endmacro %}

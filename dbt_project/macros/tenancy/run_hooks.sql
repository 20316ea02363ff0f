{# Start and end of an invocation that builds or tests. #}

{# Whether a model or data test is selected: seeds and unit tests need no tenant. #}
{% macro touches_tenants() -%}
  {%- if not execute or flags.WHICH not in ['build', 'run', 'test'] -%}{{ return(false) }}{%- endif -%}
  {%- for id in selected_resources if id.startswith('model.') or id.startswith('test.') -%}{{ return(true) }}{%- endfor -%}
  {{ return(false) }}
{%- endmacro %}

{# A tenant without any file of a record type still has the partition that models read: an empty one. #}
{% macro prepare_tenants() -%}
  {%- if not touches_tenants() -%}{{ return('') }}{%- endif -%}
  {%- set tables = [] -%}
  {%- for source in graph.sources.values() if source.meta.get('partitioned_by') -%}
    {%- do tables.append('(' ~ quoted(source.schema) ~ ', ' ~ quoted(source.identifier) ~ ', ' ~ quoted(source.meta.partitioned_by) ~ ')') -%}
  {%- endfor -%}
  {% call statement('prepare', fetch_result=True, auto_begin=True) %}
    select tenancy.ensure(s.schema_name, s.table_name, t.tenant_id, null, s.sub_key)
    from (values {{ tables | sort | join(', ') }}) as s (schema_name, table_name, sub_key), tenancy.tenant as t
    where t.is_active and t.tenant_id = any({{ text_array(tenant_ids()) }})
  {% endcall %}
  {% do adapter.commit() %}
  {%- if not load_result('prepare').data -%}
    {{ exceptions.raise_compiler_error('none of these tenants is known and active: ' ~ tenant_ids() | join(', ')) }}
  {%- endif -%}
  {{ return('') }}
{%- endmacro %}

{# Publish what this invocation staged: all tables of a tenant in one transaction, or none where a node failed for it.
   A tenant that keeps yesterday's data makes the invocation end with an error, which names the tenant and the cause. #}
{% macro publish_tenants(results) -%}
  {%- if not touches_tenants() or flags.WHICH == 'test' -%}{{ return('') }}{%- endif -%}
  {%- set tenants = text_array(tenant_ids()) -%}
  {%- do record_node_failures(results, tenants) -%}
  {#- Which run asked for this invocation: what was published keeps it (history.build). -#}
  {% call statement('run', auto_begin=True) %}
    select set_config('app.run_id', {{ quoted(env_var('DBT_RUN_ID', '')) }}, false)
  {% endcall %}
  {% do adapter.commit() %}
  {% call statement('publish', auto_begin=False) %}
    call tenancy.publish_all({{ quoted(invocation_id) }}, {{ tenants }})
  {% endcall %}
  {% call statement('published', fetch_result=True, auto_begin=True) %}
    select t.tenant_id, coalesce(o.is_ok, false), o.row_count, coalesce(o.error, 'no such tenant')
    from unnest({{ tenants }}) as t (tenant_id)
    left join tenancy.outcome as o
      on t.tenant_id = o.tenant_id and o.invocation_id = {{ quoted(invocation_id) }} and o.node_id = 'publish'
    order by t.tenant_id
  {% endcall %}
  {% do adapter.commit() %}
  {%- set kept = [] -%}
  {%- for tenant_id, is_ok, count, error in load_result('published').data -%}
    {%- if is_ok -%}{%- do log(tenant_id ~ ': ' ~ count ~ ' tables published', info=True) -%}
    {%- else -%}{%- do kept.append(tenant_id ~ ' (' ~ error ~ ')') -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if not kept -%}{{ return('') }}{%- endif -%}
  {#- Raised by the server: an error of the macro itself would be reported as an interrupt from the keyboard. #}
  {%- set message = kept | length ~ ' of ' ~ tenant_ids() | length ~ ' tenants keep the data served before: ' ~ kept | join('; ') -%}
  {{ return('do $kept$ begin raise exception using message = ' ~ quoted(message | replace('$kept$', '')) ~ '; end $kept$') }}
{%- endmacro %}

{# A node that dbt itself could not run (SQL that does not compile, a failed unit test, a seed that does not load) failed for
   every tenant: recorded as such, or a half-built set of models would be published. #}
{% macro record_node_failures(results, tenants) -%}
  {%- set failures = [] -%}
  {%- for result in results if result.status | string in ['error', 'fail', 'runtime error', 'skipped'] -%}
    {%- set stage = 'blocked' if result.status | string == 'skipped' else 'dbt' -%}
    {%- set message = (result.message or 'skipped: a node before it failed') | string | truncate(1000) -%}
    {%- do failures.append('(' ~ [quoted(result.node.unique_id), quoted(stage), quoted(message)] | join(', ') ~ ')') -%}
  {%- endfor -%}
  {% call statement('failures', auto_begin=True) %}
    {% if failures -%}
    insert into tenancy.outcome (invocation_id, node_id, tenant_id, is_ok, stage, error)
    select {{ quoted(invocation_id) }}, f.node_id, t.tenant_id, false, f.stage, f.message
    from (values {{ failures | join(', ') }}) as f (node_id, stage, message), tenancy.tenant as t
    where t.tenant_id = any({{ tenants }})
    on conflict (invocation_id, node_id, tenant_id) do nothing
    {%- else -%}
    select 1
    {%- endif %}
  {% endcall %}
  {% do adapter.commit() %}
{%- endmacro %}

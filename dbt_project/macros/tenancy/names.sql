{# How a model names what it reads. A tenant model is compiled once, with two tokens that Postgres replaces for each
   tenant (tenancy.for_tenant): __TENANT__ by the slug, __TENANTKEY__ by tenancy.leaf_key(slug).
   Belongs here: names of relations. Does not belong here: the list of tenants (tenant_ids.sql), building. #}

{# A model's schema is what its folder says: the same in every environment, since each has its own database. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
  {{ return(custom_schema_name or target.schema) }}
{%- endmacro %}

{# A unit test's input is a CTE, and so is an ephemeral model: they stay as they are. #}
{% macro is_cte(relation) -%}
  {{ return((relation | string).startswith('__dbt__cte__')) }}
{%- endmacro %}

{# The tenant's own partition of a relation: no other tenant's rows are in reach of the model's SQL. The form is exactly
   the one that tenancy.for_tenant looks for when it puts a staged heap in its place. #}
{% macro tenant_leaf(relation) -%}
  {%- if is_cte(relation) -%}{{ return(relation) }}{%- endif -%}
  {{ return('"' ~ relation.schema ~ '__leaf"."' ~ relation.identifier ~ '__' ~ '__TENANTKEY__' ~ '"') }}
{%- endmacro %}

{% macro tenant_ref(model_name) -%}
  {{ return(tenant_leaf(ref(model_name))) }}
{%- endmacro %}

{% macro tenant_source(source_name, table_name) -%}
  {{ return(tenant_leaf(source(source_name, table_name))) }}
{%- endmacro %}

{# One tenant's rows of a table that is not partitioned by tenant (prov.*, quarantine.*). #}
{% macro tenant_rows(source_name, table_name) -%}
  {%- set relation = source(source_name, table_name) -%}
  {%- if is_cte(relation) -%}{{ return(relation) }}{%- endif -%}
  {{ return("(select * from " ~ relation ~ " where tenant_id = '__TENANT__')") }}
{%- endmacro %}

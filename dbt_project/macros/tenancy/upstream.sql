{# Whose failure for a tenant stops a node for that tenant: its parents (through ephemeral models), the tests on them, and
   the Python stages that write its sources (meta.stage). Not seeds: no tenant has an outcome of
   one, and dbt itself skips what stands behind a seed that did not load. #}
{% macro upstream_nodes() -%}
  {%- set found = [] -%}
  {%- set open = model.depends_on.nodes | list -%}
  {%- for _ in range(200) if open -%}
    {%- set id = open.pop() -%}
    {%- if id not in found -%}
      {%- set node = graph.sources.get(id) or graph.nodes.get(id) -%}
      {%- if node.resource_type == 'source' -%}
        {%- set stage = node.meta.get('stage') -%}
        {%- if stage and stage not in found -%}{%- do found.append(stage) -%}{%- endif -%}
      {%- elif node.config.materialized == 'ephemeral' -%}
        {%- do open.extend(node.depends_on.nodes) -%}
      {%- elif node.resource_type == 'model' -%}
        {%- do found.append(id) -%}
      {%- endif -%}
    {%- endif -%}
  {%- endfor -%}
  {%- if model.resource_type != 'test' -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'test' and node.attached_node in found -%}
      {%- do found.append(node.unique_id) -%}
    {%- endfor -%}
  {%- endif -%}
  {{ return(found) }}
{%- endmacro %}

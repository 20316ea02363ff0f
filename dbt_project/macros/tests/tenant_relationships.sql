{# Every key of the child stands in the parent, both the tenant's own. dbt's test relationships reads the whole parent, so
   another tenant's key would satisfy it. (CTEs, since what dbt passes as the model already has an alias.) #}
{% test tenant_relationships(model, column_name, to, field) %}
with child as (
  select {{ column_name }} as child_key from {{ model }} where {{ column_name }} is not null
),

parent as (
  select {{ field }} as parent_key from {{ tenant_leaf(to) }}
)

select child.child_key
from child
left join parent on child.child_key = parent.parent_key
where parent.parent_key is null
{% endtest %}

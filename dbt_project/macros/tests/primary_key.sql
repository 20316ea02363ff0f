{# No row has a null in the key and no two rows share it. tenant_id stands in every row of the partition by its constraint. #}
{% test primary_key(model, columns) %}
select {{ columns | join(', ') }}
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1{% for column in columns %} or {{ column }} is null{% endfor %}
{% endtest %}

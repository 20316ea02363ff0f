{# A null in one of the columns has an entry in null_reasons, and a value has none. #}
{% test null_has_reason(model, columns) %}
select *
from {{ model }}
where false
  {%- for column in columns %}
  or ({{ column }} is null) <> (null_reasons ->> '{{ column }}' is not null)
  {%- endfor %}
{% endtest %}

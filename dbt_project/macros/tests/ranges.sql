{# Values lie in [min_value, max_value]; null is not judged here. #}
{% test in_range(model, column_name, min_value=none, max_value=none) %}
select {{ column_name }}
from {{ model }}
where false
  {%- if min_value is not none %} or {{ column_name }} < {{ min_value }}{% endif %}
  {%- if max_value is not none %} or {{ column_name }} > {{ max_value }}{% endif %}
{% endtest %}

{# The rule, an SQL condition, holds on every row; a rule that comes out null does not hold. #}
{% test agrees_with(model, rule, column_name=none) %}
select * from {{ model }} where not coalesce({{ rule }}, false)
{% endtest %}

{# At most this share of the rows is null in the column. One row comes back when there are more. #}
{% test null_share_at_most(model, column_name, share) %}
select count(*) from {{ model }} having count(*) filter (where {{ column_name }} is null) > {{ share }} * count(*)
{% endtest %}

{# Each group has exactly so many rows. #}
{% test row_count_per(model, columns, count) %}
select {{ columns | join(', ') }} from {{ model }} group by {{ columns | join(', ') }} having count(*) <> {{ count }}
{% endtest %}

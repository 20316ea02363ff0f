{# The checks that one record fails, as a bit mask over prov.row_check.bit; null: none. The predicates stand in the database
   (prov.failed_row_checks), where calibration counts by the same ones. #}
{% macro failed_row_checks(relation) -%}
prov.failed_row_checks(
      {%- for field in assessor_fields() + sale_fields() %}
      p_{{ field }} => {{ relation }}.{{ field }}{{ ',' if not loop.last }}
      {%- endfor %}
    )
{%- endmacro %}

{# The locators of all records of all types: what counting needs, nothing else. #}
{% for record_type in ['property', 'parcel', 'owner', 'hazard_zone'] -%}
select file_no, record_no from {{ tenant_source('raw', record_type) }}
{% if not loop.last %}union all{% endif %}
{% endfor %}

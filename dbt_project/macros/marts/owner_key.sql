{# The key by which two spellings of one company meet: upper case, no punctuation, one space between words, the legal form in
   its short spelling, no leading or trailing THE. It joins no more than that: "ACME II LLC" is not "ACME LLC". #}
{% macro owner_key(name) -%}
  {%- set legal_forms = [
    ('LIMITED LIABILITY (COMPANY|CO)', 'LLC'), ('L L C', 'LLC'), ('LIMITED PARTNERSHIP', 'LP'), ('L P', 'LP'),
    ('INCORPORATED', 'INC'), ('CORPORATION', 'CORP'), ('COMPANY', 'CO'), ('LIMITED', 'LTD'),
  ] -%}
  {%- set key = namespace(sql="regexp_replace(upper(" ~ name ~ "), '[.'']', '', 'g')") -%}
  {%- set key.sql = "regexp_replace(replace(" ~ key.sql ~ ", '&', ' AND '), '[^A-Z0-9]+', ' ', 'g')" -%}
  {%- for long, short in legal_forms -%}
    {%- set key.sql = "regexp_replace(" ~ key.sql ~ ", '\\m" ~ long ~ "\\M', '" ~ short ~ "', 'g')" -%}
  {%- endfor -%}
  {%- set key.sql = "trim(regexp_replace(trim(" ~ key.sql ~ "), '^THE | THE$', '', 'g'))" -%}
  regexp_replace({{ key.sql }}, '^(.+) (CITY|TOWN|COUNTY|STATE|COMMONWEALTH) OF$', '\2 OF \1')
{%- endmacro %}

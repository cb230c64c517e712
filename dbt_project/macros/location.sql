{# A mart that is restricted by its columns' classes (contracts.table) lies in the folder that only some may enter. #}
{% macro spark__location_clause() %}
    {%- if config.get('location_root') is not none %}
    {%- set is_restricted = 'gold.' ~ model['alias'] in var('restricted_marts', []) %}
    {%- set root = env_var('CLEW_DBT_RESTRICTED', 'lake/restricted') if is_restricted else env_var('CLEW_DBT_LAKE', 'lake') %}
    location '{{ root }}/gold/{{ model['alias'] }}'
    {%- endif %}
{%- endmacro %}

{# Whether the properties of an event meet what contracts/signals.yml asks of the hit (contracts.signal_sql). #}
{% macro hit_holds(hit) -%}
    {#- selectattr: what the linter has for a variable is a word -#}
    {%- set asked = var('conditions', []) | selectattr('hit') | list -%}
    {%- if asked -%}
    case {{ hit }}
        {%- for one in asked %}
        when {{ one.hit }} then {{ one.condition }}
        {%- endfor %}
        else true
    end
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

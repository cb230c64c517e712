{# One row of int_profile_attributes_survived an attribute, as three columns an attribute: value, source and time. #}
{% macro values_of(attributes) -%}
    {%- for attribute in attributes %}
        max(case when attribute = '{{ attribute }}' then value end) as {{ attribute }},
        max(case when attribute = '{{ attribute }}' then source end) as {{ attribute }}_source,
        max(case when attribute = '{{ attribute }}' then seen_at end) as {{ attribute }}_at
        {{- "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}

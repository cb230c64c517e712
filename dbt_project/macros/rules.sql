{# The place of a source in the survivorship order; the one rule for which value of an attribute is kept. #}
{% macro survivorship_order(source, seen_at, value) -%}
    case {{ source }}
        {%- for name in var('survivorship_sources') %}
        when '{{ name }}' then {{ loop.index }}
        {%- endfor %}
        else {{ var('survivorship_sources') | length + 1 }}
    end,
    {{ seen_at }} desc,
    {{ value }}
{%- endmacro %}

{# The run's data date. #}
{% macro as_of() -%}
    date '{{ var("as_of") }}'
{%- endmacro %}

{# The first instant after the run's data date; what happens later does not count yet. #}
{% macro horizon() -%}
    cast(date_add({{ as_of() }}, 1) as timestamp)
{%- endmacro %}

{# A list of words as SQL strings. #}
{% macro words(list) -%}
    {%- for word in list %}'{{ word }}'{{ ", " if not loop.last }}{% endfor -%}
{%- endmacro %}

{# Whether a profile of int_profile_records_summed is as sure as the audience asks in its YAML, under `identity`. #}
{% macro sure_enough(audience) -%}
    {%- set asked = var('identity_minimums') -%}
    {%- if audience in asked -%}
    (
        link_kind in ({{ words(asked[audience]['kinds']) }})
        and link_probability >= cast({{ asked[audience]['least_probability'] }} as double)
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}

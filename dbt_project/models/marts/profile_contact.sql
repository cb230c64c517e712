{%- set attributes = [
    'first_name', 'last_name', 'email', 'phone', 'birth_date', 'street', 'postcode', 'loyalty_id',
] -%}
with

attributes as (
    select * from {{ ref('int_profile_attributes_survived') }}
    where attribute in ({{ words(attributes) }})
),

survived as (
    select
        {{ values_of(attributes) }},
        profile_id
    from attributes
    group by profile_id
)

select
    profile_id,
    {%- for attribute in attributes %}
    {%- if attribute == 'birth_date' %}
    cast(birth_date as date) as birth_date,
    {%- else %}
    {{ attribute }},
    {%- endif %}
    {{ attribute }}_source,
    {{ attribute }}_at{{ "," if not loop.last }}
    {%- endfor %}
from survived

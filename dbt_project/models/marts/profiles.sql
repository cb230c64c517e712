{%- set attributes = ['city', 'country', 'age_band', 'income_band', 'household_size'] -%}
with

people as (
    select * from {{ ref('int_profile_records_summed') }}
),

attributes as (
    select * from {{ ref('int_profile_attributes_survived') }}
),

survived as (
    select
        {{ values_of(attributes) }},
        profile_id
    from attributes
    group by profile_id
),

sales as (
    select
        profile_id,
        count(*) as orders,
        sum(sales_value) as sales_value,
        min(ordered_at) as first_order_at,
        max(ordered_at) as last_order_at
    from {{ ref('orders') }}
    where profile_id is not null
    group by profile_id
)

select
    people.profile_id,
    people.is_known,
    {%- for attribute in attributes %}
    survived.{{ attribute }},
    survived.{{ attribute }}_source,
    survived.{{ attribute }}_at,
    {%- endfor %}
    people.records,
    people.events,
    people.link_kind,
    people.link_probability,
    coalesce(sales.orders, 0) as orders,
    cast(coalesce(sales.sales_value, 0) as decimal(18, 2)) as sales_value,
    people.first_seen_at,
    people.last_seen_at,
    sales.first_order_at,
    sales.last_order_at
from people
left join survived on people.profile_id = survived.profile_id
left join sales on people.profile_id = sales.profile_id

{%- set told = [
    'first_name', 'last_name', 'birth_date', 'street', 'city', 'postcode', 'country',
    'age_band', 'income_band', 'household_size',
] -%}
with

customer_records as (
    select * from {{ ref('stg_silver__customer_records') }}
),

assignments as (
    select * from {{ ref('stg_identity__assignments') }}
),

identifiers as (
    select * from {{ ref('int_profile_identifiers_joined') }}
),

told as (
    select
        record_id,
        source,
        seen_at,
        stack(
            {{ told | length }},
            {%- for attribute in told %}
            '{{ attribute }}', cast({{ attribute }} as string){{ "," if not loop.last }}
            {%- endfor %}
        ) as (attribute, value)
    from customer_records
)

select
    assignments.profile_id,
    told.attribute,
    told.value,
    told.source,
    told.seen_at
from told
inner join assignments on told.record_id = assignments.record_id
where nullif(trim(told.value), '') is not null

union all

-- An address or number that does not identify one person (blocked, or shared by too many) is not theirs to be
-- reached at, so it does not survive.
select
    profile_id,
    identifier as attribute,
    given_value as value,
    source,
    last_seen_at as seen_at
from identifiers
where
    identifier in ('email', 'phone', 'loyalty_id')
    and is_usable
    and source is not null

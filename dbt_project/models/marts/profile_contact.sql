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
    first_name,
    first_name_source,
    first_name_at,
    last_name,
    last_name_source,
    last_name_at,
    email,
    email_source,
    email_at,
    phone,
    phone_source,
    phone_at,
    cast(birth_date as date) as birth_date,
    birth_date_source,
    birth_date_at,
    street,
    street_source,
    street_at,
    postcode,
    postcode_source,
    postcode_at,
    loyalty_id,
    loyalty_id_source,
    loyalty_id_at
from survived

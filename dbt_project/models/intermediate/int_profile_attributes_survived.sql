with

attribute_values as (
    select * from {{ ref('int_profile_attributes_unpivoted') }}
),

placed as (
    select
        *,
        row_number() over (
            partition by profile_id, attribute
            order by {{ survivorship_order('source', 'seen_at', 'value') }}
        ) as place
    from attribute_values
)

select
    profile_id,
    attribute,
    value,
    source,
    seen_at
from placed
where place = 1

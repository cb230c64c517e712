{#- A profile is as firm as its weakest link, in the order that contracts/link.py declares. -#}
with

assignments as (
    select * from {{ ref('stg_identity__assignments') }}
),

records as (
    select * from {{ ref('stg_identity__records') }}
)

select
    assignments.profile_id,
    coalesce(bool_or(records.record_kind != 'anonymous'), false) as is_known,
    count(*) as records,
    coalesce(sum(records.events), 0) as events,
    element_at(
        array({{ words(var('firmest_first')) }}),
        cast(max(array_position(array({{ words(var('firmest_first')) }}), assignments.link_kind)) as int)
    ) as link_kind,
    min(assignments.link_probability) as link_probability,
    min(records.first_seen_at) as first_seen_at,
    max(records.last_seen_at) as last_seen_at
from assignments
left join records on assignments.record_id = records.record_id
group by assignments.profile_id

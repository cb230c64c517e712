with

found as (
    select * from {{ ref('int_friction_in_signals') }}
    union all
    select * from {{ ref('int_friction_back_and_forth') }}
),

weights as (
    select * from {{ ref('stg_contracts__friction') }}
)

select
    found.journey,
    found.friction,
    found.profile_id,
    found.event_id,
    found.first_event_id,
    found.occurred_at,
    found.channel,
    coalesce(stages.stage, 'start') as stage,
    weights.weight as effort
from found
inner join weights on found.journey = weights.journey and found.friction = weights.friction
left join {{ ref('journey_stages') }} as stages
    on
        found.journey = stages.journey
        and found.profile_id = stages.profile_id
        and found.occurred_at >= stages.entered_at
        and (stages.left_at is null or found.occurred_at < stages.left_at)

with

followed as (
    select
        *,
        row_number() over (partition by journey, profile_id order by entered_at) as spell,
        lead(entered_at) over (partition by journey, profile_id order by entered_at) as left_at,
        lead(stage) over (partition by journey, profile_id order by entered_at) as next_stage,
        lead(event_id) over (partition by journey, profile_id order by entered_at) as left_by_event,
        lead(why) over (partition by journey, profile_id order by entered_at) as next_why
    from {{ ref('int_journey_spells') }}
)

select
    journey,
    profile_id,
    spell,
    stage,
    entered_at,
    left_at,
    event_id as entered_by_event,
    left_by_event,
    why,
    case when left_at is not null then concat('to ', next_stage, ', ', next_why) end as left_why,
    datediff(coalesce(left_at, {{ as_of() }}), entered_at) as days,
    left_at is null as is_current
from followed

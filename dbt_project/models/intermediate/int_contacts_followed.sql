{#- Each contact with the one after it and the next that the person made, and the stage of each journey in which the
    person then was. -#}
with

contacts as (
    select
        profile_id,
        touchpoint_id,
        event_id,
        channel,
        direction,
        case when channel = kind then kind else concat(channel, ' ', kind) end as step,
        occurred_at,
        lead(occurred_at) over (partition by profile_id order by occurred_at, touchpoint_id) as next_at,
        lead(channel) over (partition by profile_id order by occurred_at, touchpoint_id) as next_channel,
        lead(event_id) over (partition by profile_id order by occurred_at, touchpoint_id) as next_event_id,
        lead(case when channel = kind then kind else concat(channel, ' ', kind) end) over (
            partition by profile_id order by occurred_at, touchpoint_id
        ) as next_step,
        last_value(case when direction = 'inbound' then struct(occurred_at, channel, event_id) end, true) over (
            partition by profile_id order by occurred_at desc, touchpoint_id desc
            rows between unbounded preceding and 1 preceding
        ) as next_made
    from {{ ref('touchpoints') }}
    where profile_id is not null and occurred_at < {{ horizon() }}
)

select
    contacts.profile_id,
    contacts.touchpoint_id,
    contacts.event_id,
    contacts.channel,
    contacts.direction,
    contacts.step,
    contacts.occurred_at,
    contacts.next_at,
    contacts.next_channel,
    contacts.next_event_id,
    contacts.next_step,
    contacts.next_made.occurred_at as made_at,
    contacts.next_made.channel as made_channel,
    contacts.next_made.event_id as made_event_id,
    stages.journey,
    stages.stage
from contacts
inner join {{ ref('journey_stages') }} as stages
    on
        contacts.profile_id = stages.profile_id
        and contacts.occurred_at >= stages.entered_at
        and (stages.left_at is null or contacts.occurred_at < stages.left_at)

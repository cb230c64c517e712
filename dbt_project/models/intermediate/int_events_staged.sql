with

events as (
    select * from {{ ref('stg_gold__events') }}
    where profile_id is not null and occurred_at < {{ horizon() }}
),

event_stages as (
    select * from {{ ref('stg_contracts__event_stages') }}
)

select
    events.profile_id,
    events.event_id,
    events.event,
    events.occurred_at,
    events.position,
    event_stages.stage
from events
inner join event_stages on events.event = event_stages.event

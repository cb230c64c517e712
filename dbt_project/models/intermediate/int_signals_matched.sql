{#- One row per event and signal that it is. Events that share the property named by `once_per` have one occurrence. -#}
with

events as (
    select * from {{ ref('stg_gold__events') }}
    where profile_id is not null
),

hits as (
    select * from {{ ref('stg_contracts__signals') }}
)

select
    events.event_id,
    events.event,
    events.channel,
    coalesce(events.properties[hits.via], events.channel) as via,
    events.profile_id,
    events.occurred_at,
    events.position,
    hits.signal,
    coalesce(events.properties[hits.once_per], events.event_id) as occurrence,
    try_cast(events.properties[hits.value] as decimal(18, 2)) as amount,
    events.properties[hits.subject] as subject
from events
inner join hits on events.event = hits.event
where {{ hit_holds('hits.hit') }}

{#- What happens inside a visit or a basket is that visit's or basket's contact; any other event is one of its own. -#}
with

events as (
    select * from {{ ref('stg_gold__events') }}
    where
        source not in ({{ words(var('visit_sources') + var('record_sources')) }})
        and event not in ('item_purchased', 'order_completed')
),

dictionary as (
    select * from {{ ref('stg_contracts__events') }}
),

visits as (
    select * from {{ ref('sessions') }}
),

purchases as (
    select * from {{ ref('orders') }}
    where item_lines > 0
)

select
    session_id as touchpoint_id,
    profile_id,
    channel,
    'inbound' as direction,
    'visit' as kind,
    cast(null as string) as subject_id,
    first_event_id as event_id,
    started_at as occurred_at
from visits

union all

select
    md5(concat('order ', order_id)) as touchpoint_id,
    profile_id,
    channel,
    'inbound' as direction,
    'purchase' as kind,
    order_id as subject_id,
    event_id,
    ordered_at as occurred_at
from purchases

union all

select
    md5(concat('event ', events.event_id)) as touchpoint_id,
    events.profile_id,
    events.channel,
    coalesce(dictionary.direction, 'inbound') as direction,
    events.event as kind,
    coalesce(events.campaign_id, events.ticket_id, events.purpose) as subject_id,
    events.event_id,
    events.occurred_at
from events
left join dictionary on events.event = dictionary.event

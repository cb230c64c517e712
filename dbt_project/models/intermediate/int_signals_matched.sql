{#- One row per event and signal that it is. Events that share the property named by `once_per` have one occurrence. -#}
with

matched as (
    select
        event_id,
        event,
        channel,
        profile_id,
        occurred_at,
        position,
        explode(filter({{ signals_of_event() }}, hit -> hit.holds)) as hit
    from {{ ref('stg_gold__events') }}
    where profile_id is not null
)

select
    event_id,
    event,
    channel,
    coalesce(hit.via, channel) as via,
    profile_id,
    occurred_at,
    position,
    hit.signal,
    coalesce(hit.occurrence, event_id) as occurrence,
    hit.amount,
    hit.subject
from matched

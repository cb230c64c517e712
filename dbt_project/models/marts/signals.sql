{#- The first event of an occurrence stands for it; its amounts are added up. -#}
with

occurrences as (
    select
        profile_id,
        signal,
        occurrence,
        min(struct(occurred_at, position, event_id, event, channel, via, subject)) as opening,
        sum(amount) as amount
    from {{ ref('int_signals_matched') }}
    where occurred_at < {{ horizon() }}
    group by profile_id, signal, occurrence
)

select
    profile_id,
    signal,
    opening.event_id,
    opening.event,
    opening.channel,
    opening.via,
    opening.occurred_at,
    opening.position,
    opening.subject,
    cast(amount as decimal(18, 2)) as amount
from occurrences

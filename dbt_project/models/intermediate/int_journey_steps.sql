{#- What moves people on in each journey: the signals that its stages name, and the quiet times. A quiet time lies so
    many days after a signal that did not come again by then; of one instant it comes first. -#}
with

signals as (
    select * from {{ ref('signals') }}
),

journeys as (
    select * from {{ ref('stg_contracts__journeys') }}
),

moving as (
    select distinct
        journey,
        split_part(way, ' ', 2) as signal
    from journeys
        lateral view explode(map_keys(transitions)) as way
),

heard as (
    select
        quiets.journey,
        quiets.quiet,
        quiets.days,
        quiets.words,
        signals.profile_id,
        signals.event_id,
        signals.event,
        signals.occurred_at,
        lead(signals.occurred_at) over (
            partition by quiets.journey, quiets.quiet, signals.profile_id
            order by signals.occurred_at, signals.position, signals.event_id
        ) as next_at
    from signals
    inner join {{ ref('stg_contracts__quiets') }} as quiets on signals.signal = quiets.signal
)

select
    moving.journey,
    signals.profile_id,
    signals.occurred_at,
    signals.position,
    signals.event_id,
    signals.signal,
    concat(signals.signal, ': ', signals.event) as why
from signals
inner join moving on signals.signal = moving.signal

union all

select
    journey,
    profile_id,
    timestampadd(day, days, occurred_at) as occurred_at,
    -1 as position,
    event_id,
    quiet as signal,
    concat('not ', words, ' for ', days, ' days after ', date_format(occurred_at, 'yyyy-MM-dd')) as why
from heard
where timestampadd(day, days, occurred_at) < coalesce(next_at, {{ horizon() }})

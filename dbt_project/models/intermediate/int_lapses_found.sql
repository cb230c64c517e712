{#- A person lapses when lapse_days pass without a purchase, or, never having bought, when an event with the
    stage tag `lapse` says that they leave. Only a purchase ends a lapse. -#}
with

purchases as (
    select
        profile_id,
        ordered_at,
        min(event_id) as event_id
    from {{ ref('orders') }}
    where profile_id is not null and ordered_at < {{ horizon() }}
    group by profile_id, ordered_at
),

leaving as (
    select
        profile_id,
        min(struct(occurred_at, position, event_id, event)) as opening
    from {{ ref('int_events_staged') }}
    where stage = 'lapse'
    group by profile_id
),

followed as (
    select
        *,
        timestampadd(day, {{ var('lapse_days') }}, ordered_at) as patience_ends_at,
        lead(ordered_at) over (partition by profile_id order by ordered_at) as next_ordered_at
    from purchases
),

first_purchases as (
    select
        profile_id,
        min(ordered_at) as ordered_at
    from purchases
    group by profile_id
)

select
    profile_id,
    patience_ends_at as lapsed_at,
    next_ordered_at as returned_at,
    event_id,
    concat('no purchase for {{ var("lapse_days") }} days after ', date_format(ordered_at, 'yyyy-MM-dd')) as why
from followed
where patience_ends_at < coalesce(next_ordered_at, {{ horizon() }})

union all

select
    leaving.profile_id,
    leaving.opening.occurred_at as lapsed_at,
    first_purchases.ordered_at as returned_at,
    leaving.opening.event_id,
    concat(leaving.opening.event, ' before any purchase') as why
from leaving
left join first_purchases on leaving.profile_id = first_purchases.profile_id
where leaving.opening.occurred_at < coalesce(first_purchases.ordered_at, {{ horizon() }})

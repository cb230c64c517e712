with

events as (
    select
        event_id,
        source,
        channel,
        event,
        profile_id,
        anonymous_id,
        occurred_at,
        position,
        coalesce(
            page_path,
            context_page_path,
            try_parse_url(coalesce(page_url, context_page_url), 'PATH'),
            screen_name
        ) as page
    from {{ ref('stg_gold__events') }}
    where source in ({{ words(var('visit_sources')) }})
),

followed as (
    select
        *,
        lag(occurred_at) over (
            partition by source, profile_id, anonymous_id
            order by occurred_at, position, event_id
        ) as previous_at
    from events
),

numbered as (
    select
        *,
        sum(
            case
                when previous_at is null then 1
                when timestampadd(minute, {{ var('session_gap_minutes') }}, previous_at) < occurred_at then 1
                else 0
            end
        ) over (
            partition by source, profile_id, anonymous_id
            order by occurred_at, position, event_id
            rows between unbounded preceding and current row
        ) as visit
    from followed
),

visits as (
    select
        source,
        min(channel) as channel,
        profile_id,
        anonymous_id,
        min(struct(occurred_at, position, event_id)) as opening,
        max(occurred_at) as ended_at,
        count(*) as events,
        count_if(event in ('page_viewed', 'screen_viewed')) as pages,
        min(
            case
                when event in ('page_viewed', 'screen_viewed')
                    then struct(occurred_at, position, event_id, page)
            end
        ) as entry,
        bool_or(event = 'cart_item_added') as has_cart,
        bool_or(event = 'checkout_started') as has_checkout,
        bool_or(event = 'order_completed') as has_order
    from numbered
    group by source, profile_id, anonymous_id, visit
)

select
    md5(concat('session ', opening.event_id)) as session_id,
    profile_id,
    anonymous_id,
    source,
    channel,
    opening.event_id as first_event_id,
    entry.page as entry_page,
    pages,
    events,
    has_cart,
    has_checkout,
    has_order,
    opening.occurred_at as started_at,
    ended_at,
    timestampdiff(second, opening.occurred_at, ended_at) as seconds
from visits

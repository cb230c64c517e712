{#- Friction that shows in signals of one person. Each is told once: a burst by the event that makes it one, a signal
    that is followed by the event that follows, one that is not by itself. A friction has one pattern: windows are by
    it, too, so that each of the queries below goes over the steps of its own. -#}
with

steps as (
    select
        friction.journey,
        friction.friction,
        friction.pattern,
        friction.times,
        friction.within_seconds,
        friction.only_after,
        named.role,
        case when friction.of_one_subject then coalesce(signals.subject, signals.event_id) else '' end as about,
        signals.profile_id,
        signals.occurred_at,
        signals.position,
        signals.event_id,
        signals.channel,
        signals.via
    from {{ ref('signals') }} as signals
    inner join {{ ref('stg_contracts__friction_signals') }} as named on signals.signal = named.signal
    inner join {{ ref('stg_contracts__friction') }} as friction
        on named.journey = friction.journey and named.friction = friction.friction
    where friction.pattern != 'back_and_forth'
),

following as (
    select
        *,
        last_value(case when role = 'then' then struct(occurred_at, event_id, channel) end, true) over (
            partition by pattern, journey, friction, profile_id
            order by occurred_at desc, position desc, event_id desc, role asc
            rows between unbounded preceding and 1 preceding
        ) as reply,
        {#- one event that is both is not after itself: its signal comes first -#}
        last_value(case when role = 'after' then occurred_at end, true) over (
            partition by pattern, journey, friction, profile_id
            order by occurred_at asc, position asc, event_id asc, role desc
            rows between unbounded preceding and 1 preceding
        ) as after_at
    from steps
),

asked as (
    select
        *,
        lag(occurred_at) over (alike) as before_at,
        lag(event_id) over (alike) as before_event,
        lag(via) over (alike) as before_via,
        lead(occurred_at) over (alike) as again_at,
        {#- the one that many places before, with which it makes a burst; a contract may ask for 20 -#}
        try_element_at(
            array_agg(struct(occurred_at, event_id)) over (
                partition by pattern, journey, friction, profile_id, about order by occurred_at, position, event_id
                rows between 20 preceding and current row
            ),
            -times
        ) as burst
    from following
    where
        role = 'signal'
        and (not only_after or after_at >= timestampadd(second, -within_seconds, occurred_at))
    window alike as (
        partition by pattern, journey, friction, profile_id, about order by occurred_at, position, event_id
    )
),

judged as (
    select
        *,
        coalesce(burst.occurred_at >= timestampadd(second, -within_seconds, occurred_at), false) as is_burst,
        timestampadd(second, within_seconds, occurred_at) as due_at
    from asked
),

bursts as (
    select
        *,
        lag(is_burst) over (
            partition by pattern, journey, friction, profile_id, about order by occurred_at, position, event_id
        ) as was_burst
    from judged
)

select
    journey,
    friction,
    profile_id,
    event_id as first_event_id,
    event_id,
    occurred_at,
    channel
from judged
where pattern = 'happened'

union all

select
    journey,
    friction,
    profile_id,
    burst.event_id as first_event_id,
    event_id,
    occurred_at,
    channel
from bursts
where pattern = 'repeated' and is_burst and not coalesce(was_burst, false)

union all

select
    journey,
    friction,
    profile_id,
    max_by(event_id, struct(occurred_at, position, event_id)) as first_event_id,
    reply.event_id,
    reply.occurred_at,
    reply.channel
from judged
where pattern = 'followed' and reply.occurred_at <= due_at
group by journey, friction, profile_id, reply.event_id, reply.occurred_at, reply.channel

union all

select
    journey,
    friction,
    profile_id,
    event_id as first_event_id,
    event_id,
    occurred_at,
    channel
from judged
where
    pattern = 'not_followed'
    and due_at < {{ horizon() }}
    and (reply is null or reply.occurred_at > due_at)
    and (again_at is null or again_at > due_at)

union all

select
    journey,
    friction,
    profile_id,
    event_id as first_event_id,
    reply.event_id,
    reply.occurred_at,
    reply.channel
from judged
where
    pattern = 'slow'
    and reply.occurred_at > due_at
    and (again_at is null or again_at > reply.occurred_at)

union all

select
    journey,
    friction,
    profile_id,
    before_event as first_event_id,
    event_id,
    occurred_at,
    channel
from judged
where
    pattern = 'two_channels'
    and before_via != via
    and before_at >= timestampadd(second, -within_seconds, occurred_at)

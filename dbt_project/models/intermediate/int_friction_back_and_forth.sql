{#- Three contacts that the person made, from one channel to another and back, with the signal among them. -#}
with

contacts as (
    select
        profile_id,
        event_id,
        channel,
        occurred_at,
        lag(channel) over (made) as before_channel,
        lag(channel, 2) over (made) as first_channel,
        lag(occurred_at, 2) over (made) as first_at,
        lag(event_id, 2) over (made) as first_event_id
    from {{ ref('touchpoints') }}
    where profile_id is not null and direction = 'inbound' and occurred_at < {{ horizon() }}
    window made as (partition by profile_id order by occurred_at, touchpoint_id)
),

friction as (
    select
        friction.journey,
        friction.friction,
        friction.within_seconds,
        named.signal
    from {{ ref('stg_contracts__friction') }} as friction
    inner join {{ ref('stg_contracts__friction_signals') }} as named
        on friction.journey = named.journey and friction.friction = named.friction
    where friction.pattern = 'back_and_forth'
),

around as (
    select
        friction.*,
        signals.profile_id,
        signals.occurred_at
    from {{ ref('signals') }} as signals
    inner join friction on signals.signal = friction.signal
)

select distinct
    around.journey,
    around.friction,
    contacts.profile_id,
    contacts.first_event_id,
    contacts.event_id,
    contacts.occurred_at,
    contacts.channel
from contacts
inner join around
    on
        contacts.profile_id = around.profile_id
        and contacts.first_at <= around.occurred_at
        and contacts.occurred_at >= around.occurred_at
        and contacts.first_at >= timestampadd(second, -around.within_seconds, contacts.occurred_at)
where contacts.channel = contacts.first_channel and contacts.channel != contacts.before_channel

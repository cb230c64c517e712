{#- A change of channel that the journey arranges, from a contact that the person made to the next that they made:
    what we send meanwhile is no arrival. What the person does first of what shows it, in the time that the
    handoff is given, says whether the context was kept. -#}
with

changes as (
    select
        contacts.journey,
        handoffs.handoff,
        contacts.profile_id,
        contacts.stage,
        contacts.event_id as left_by_event,
        contacts.made_event_id as arrived_by_event,
        contacts.occurred_at as left_at,
        contacts.made_at as arrived_at,
        handoffs.within_seconds
    from {{ ref('int_contacts_followed') }} as contacts
    inner join {{ ref('stg_contracts__handoffs') }} as handoffs
        on
            contacts.journey = handoffs.journey
            and contacts.channel = handoffs.from_channel
            and contacts.made_channel = handoffs.to_channel
    where
        contacts.direction = 'inbound'
        and contacts.made_at <= timestampadd(second, handoffs.within_seconds, contacts.occurred_at)
),

signs as (
    select
        signs.journey,
        signs.handoff,
        signs.context,
        signals.profile_id,
        signals.signal,
        signals.event_id,
        signals.occurred_at
    from {{ ref('signals') }} as signals
    inner join {{ ref('stg_contracts__handoff_signs') }} as signs on signals.signal = signs.signal
),

seen as (
    select
        changes.journey,
        changes.handoff,
        changes.profile_id,
        changes.stage,
        changes.left_by_event,
        changes.arrived_by_event,
        changes.left_at,
        changes.arrived_at,
        min(struct(signs.occurred_at, signs.event_id, signs.signal, signs.context)) as sign
    from changes
    left join signs
        on
            changes.journey = signs.journey
            and changes.handoff = signs.handoff
            and changes.profile_id = signs.profile_id
            and changes.arrived_by_event != signs.event_id
            and changes.arrived_at <= signs.occurred_at
            and signs.occurred_at <= timestampadd(second, changes.within_seconds, changes.arrived_at)
    group by
        changes.journey,
        changes.handoff,
        changes.profile_id,
        changes.stage,
        changes.left_by_event,
        changes.arrived_by_event,
        changes.left_at, changes.arrived_at
)

select
    journey,
    handoff,
    profile_id,
    stage,
    left_by_event,
    arrived_by_event,
    left_at,
    arrived_at,
    round((unix_timestamp(arrived_at) - unix_timestamp(left_at)) / 60, 1) as minutes,
    coalesce(sign.context, 'not_known') as context,
    sign.signal as told_by_signal,
    sign.event_id as told_by_event
from seen

with

arrived as (
    select
        journey,
        profile_id,
        min(struct(entered_at, entered_by_event)) as arrival
    from {{ ref('journey_stages') }}
    group by journey, profile_id
),

valued as (
    select
        journeys.journey,
        signals.profile_id,
        min(struct(signals.occurred_at, signals.position, signals.event_id)) as first_value
    from {{ ref('signals') }} as signals
    inner join {{ ref('stg_contracts__journeys') }} as journeys on signals.signal = journeys.value_signal
    group by journeys.journey, signals.profile_id
)

select
    arrived.journey,
    arrived.profile_id,
    arrived.arrival.entered_at as arrived_at,
    arrived.arrival.entered_by_event as arrived_by_event,
    valued.first_value.occurred_at as first_value_at,
    valued.first_value.event_id as first_value_by_event,
    case
        when valued.first_value is not null then round(
            greatest(
                0, unix_timestamp(valued.first_value.occurred_at) - unix_timestamp(arrived.arrival.entered_at)
            ) / 86400, 2
        )
    end as days,
    valued.first_value is not null as has_value
from arrived
left join valued on arrived.journey = valued.journey and arrived.profile_id = valued.profile_id

{#- Who behaves as a persona says; who fits several has the first that is declared, and who fits none has no row. -#}
with

asked as (
    select * from {{ ref('stg_contracts__personas') }}
),

people as (
    select distinct
        journey,
        profile_id
    from {{ ref('journey_stages') }}
),

counted as (
    select
        asked.journey,
        asked.persona,
        asked.place,
        people.profile_id,
        asked.signal,
        asked.days,
        asked.at_least,
        asked.at_most,
        count(signals.event_id) as times
    from asked
    inner join people on asked.journey = people.journey
    left join {{ ref('signals') }} as signals
        on
            people.profile_id = signals.profile_id
            and asked.signal = signals.signal
            and signals.occurred_at >= timestampadd(day, -asked.days, {{ horizon() }})
    group by
        asked.journey, asked.persona, asked.place, people.profile_id, asked.signal, asked.days, asked.at_least,
        asked.at_most
),

fitting as (
    select
        journey,
        persona,
        place,
        profile_id,
        array_join(
            array_sort(collect_list(concat(signal, ' ', times, ' times in ', days, ' days'))), ', '
        ) as why
    from counted
    group by journey, persona, place, profile_id
    having bool_and(times >= coalesce(at_least, 0) and times <= coalesce(at_most, times))
)

select
    journey,
    profile_id,
    persona,
    why
from fitting
qualify row_number() over (partition by journey, profile_id order by place) = 1

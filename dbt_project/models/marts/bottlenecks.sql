{#- Where it is hardest: people × value × effort, each a mean over the people whom it met. Their value is what they
    spent in the year to the run's date. Fewer than `least_people` are not told. -#}
with

hard as (
    select
        journey,
        stage,
        friction,
        channel,
        profile_id,
        count(*) as occurrences,
        sum(effort) as effort,
        max_by(event_id, struct(occurred_at, event_id)) as newest_event,
        max(occurred_at) as newest_at
    from {{ ref('friction_events') }}
    group by journey, stage, friction, channel, profile_id
),

spent as (
    select
        journeys.journey,
        signals.profile_id,
        sum(signals.amount) as value
    from {{ ref('signals') }} as signals
    inner join {{ ref('stg_contracts__journeys') }} as journeys on signals.signal = journeys.value_signal
    where signals.occurred_at >= timestampadd(day, -365, {{ horizon() }})
    group by journeys.journey, signals.profile_id
),

summed as (
    select
        hard.journey,
        hard.stage,
        hard.friction,
        hard.channel,
        cast(count(*) as int) as people,
        sum(hard.occurrences) as occurrences,
        round(avg(hard.effort), 2) as effort_per_person,
        cast(avg(coalesce(spent.value, 0)) as decimal(18, 2)) as value_per_person,
        slice(array_sort(
            collect_list(struct(hard.newest_at, hard.newest_event)),
            (a, b) -> case
                when a.newest_at > b.newest_at then -1
                when a.newest_at < b.newest_at then 1
                when a.newest_event < b.newest_event then -1
                else 1
            end
        ), 1, 3) as newest
    from hard
    left join spent on hard.journey = spent.journey and hard.profile_id = spent.profile_id
    group by hard.journey, hard.stage, hard.friction, hard.channel
    having count(*) >= {{ var('least_people') }}
)

select
    journey,
    cast(row_number() over (
        partition by journey
        order by people * value_per_person * effort_per_person desc, stage, friction, channel
    ) as int) as place,
    stage,
    friction,
    channel,
    people,
    occurrences,
    effort_per_person,
    value_per_person,
    round(people * value_per_person * effort_per_person, 2) as weight,
    array_join(transform(newest, one -> one.newest_event), ' ') as example_events
from summed

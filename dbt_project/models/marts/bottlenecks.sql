{#- Where it is hardest in the year to the run's date: people × value × effort, each a mean over the people whom it
    met. Their value is what they spent in that year. What fewer than `least_people` met is not told. -#}
with

hard as (
    select
        journey,
        stage,
        friction,
        channel,
        profile_id,
        count(*) as occurrences,
        sum(effort) as effort
    from {{ ref('friction_events') }}
    where occurred_at >= timestampadd(day, -365, {{ horizon() }})
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
        cast(avg(coalesce(spent.value, 0)) as decimal(18, 2)) as value_per_person
    from hard
    left join spent on hard.journey = spent.journey and hard.profile_id = spent.profile_id
    group by hard.journey, hard.stage, hard.friction, hard.channel
    having count(*) >= {{ var('least_people') }}
)

select
    journey,
    cast(row_number() over (
        partition by journey
        order by people * value_per_person * effort_per_person desc, stage, friction asc, channel asc
    ) as int) as place,
    stage,
    friction,
    channel,
    people,
    occurrences,
    effort_per_person,
    value_per_person,
    round(people * value_per_person * effort_per_person, 2) as weight
from summed

{#- Ways that fewer than `least_people` went are told together, as to `other`, and not at all where those are so few,
    too. Who does nothing more for `path_gap_days` has stopped; of a contact since which so many days have not passed
    yet, nothing is told, whatever followed. -#}
with

ways as (
    select
        journey,
        stage,
        profile_id,
        step as from_step,
        case
            when next_at <= timestampadd(day, {{ var('path_gap_days') }}, occurred_at) then next_step
            else 'stop'
        end as to_step,
        case
            when next_at <= timestampadd(day, {{ var('path_gap_days') }}, occurred_at)
                then (unix_timestamp(next_at) - unix_timestamp(occurred_at)) / 60
        end as minutes
    from {{ ref('int_contacts_followed') }}
    where timestampadd(day, {{ var('path_gap_days') }}, occurred_at) < {{ horizon() }}
),

gone as (
    select
        journey,
        stage,
        from_step,
        to_step,
        count(distinct profile_id) as people
    from ways
    group by journey, stage, from_step, to_step
),

named as (
    select
        ways.journey,
        ways.stage,
        ways.profile_id,
        ways.from_step,
        case when gone.people >= {{ var('least_people') }} then ways.to_step else 'other' end as to_step,
        ways.minutes
    from ways
    inner join gone
        on
            ways.journey = gone.journey
            and ways.stage = gone.stage
            and ways.from_step = gone.from_step
            and ways.to_step = gone.to_step
),

summed as (
    select
        journey,
        stage,
        from_step,
        to_step,
        cast(count(distinct profile_id) as int) as people,
        count(*) as times,
        round(percentile(minutes, 0.5), 1) as median_minutes,
        round(count(*) / sum(count(*)) over (partition by journey, stage, from_step), 4) as share
    from named
    group by journey, stage, from_step, to_step
)

select * from summed
where people >= {{ var('least_people') }}

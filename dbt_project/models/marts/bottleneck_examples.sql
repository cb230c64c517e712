{#- The newest events that show a bottleneck, each of another person. -#}
with

newest as (
    select
        journey,
        stage,
        friction,
        channel,
        profile_id,
        max(struct(occurred_at, event_id)) as newest
    from {{ ref('friction_events') }}
    group by journey, stage, friction, channel, profile_id
),

ordered as (
    select
        newest.journey,
        newest.stage,
        newest.friction,
        newest.channel,
        newest.profile_id,
        newest.newest.event_id,
        cast(row_number() over (
            partition by newest.journey, newest.stage, newest.friction, newest.channel
            order by newest.newest.occurred_at desc, newest.newest.event_id asc
        ) as int) as example
    from newest
    inner join {{ ref('bottlenecks') }} as told
        on
            newest.journey = told.journey
            and newest.stage = told.stage
            and newest.friction = told.friction
            and newest.channel = told.channel
)

select * from ordered
where example <= {{ var('examples') }}

{#- What the journey costs each person, by stage and channel: the weights of what was hard, against contacts made. -#}
with

hard as (
    select
        journey,
        profile_id,
        stage,
        channel,
        cast(count(*) as int) as occurrences,
        sum(effort) as effort
    from {{ ref('friction_events') }}
    group by journey, profile_id, stage, channel
),

made as (
    select
        journey,
        profile_id,
        stage,
        channel,
        cast(count(*) as int) as contacts
    from {{ ref('int_contacts_followed') }}
    where direction = 'inbound'
    group by journey, profile_id, stage, channel
)

select
    hard.journey,
    hard.profile_id,
    hard.stage,
    hard.channel,
    hard.occurrences,
    hard.effort,
    coalesce(made.contacts, 0) as contacts,
    round(hard.effort / nullif(made.contacts, 0), 4) as effort_per_contact
from hard
left join made
    on
        hard.journey = made.journey
        and hard.profile_id = made.profile_id
        and hard.stage = made.stage
        and hard.channel = made.channel

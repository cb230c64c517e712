{#- A gate is passed by whoever enters what it leads to, or a stage beyond that is no lapse, before entering the same
    stage anew. -#}
with

spells as (
    select
        *,
        lead(entered_at) over (partition by journey, profile_id, stage order by entered_at) as again_at
    from {{ ref('journey_stages') }}
),

stages as (
    select * from {{ ref('stg_contracts__stages') }}
),

gates as (
    select
        gated.journey,
        gated.stage,
        gated.gate_to,
        gated.gate_days,
        beyond.stage as passed_into
    from stages as gated
    inner join stages as goal on gated.journey = goal.journey and gated.gate_to = goal.stage
    inner join stages as beyond
        on
            gated.journey = beyond.journey
            and goal.place <= beyond.place
            and gated.stage != beyond.stage
            and (beyond.lifecycle != 'lapse' or goal.stage = beyond.stage)
),

passed as (
    select
        spells.journey,
        spells.profile_id,
        spells.spell,
        spells.stage,
        spells.entered_at,
        gates.gate_to,
        gates.gate_days,
        min(
            case
                when later.entered_at is not null then struct(later.entered_at, later.stage, later.entered_by_event)
            end
        ) as passing
    from spells
    inner join gates on spells.journey = gates.journey and spells.stage = gates.stage
    left join spells as later
        on
            spells.journey = later.journey
            and spells.profile_id = later.profile_id
            and gates.passed_into = later.stage
            and spells.entered_at < later.entered_at
            and later.entered_at < coalesce(spells.again_at, {{ horizon() }})
    group by
        spells.journey, spells.profile_id, spells.spell, spells.stage, spells.entered_at, gates.gate_to, gates.gate_days
)

select
    journey,
    profile_id,
    spell,
    stage,
    gate_to,
    entered_at,
    timestampadd(day, gate_days, entered_at) as due_at,
    passing.entered_at as passed_at,
    passing.stage as passed_into,
    passing.entered_by_event as passed_by_event,
    round((unix_timestamp(passing.entered_at) - unix_timestamp(entered_at)) / 86400, 2) as days_to_pass,
    case
        when passing.entered_at <= timestampadd(day, gate_days, entered_at) then 'passed'
        when passing.entered_at is not null then 'passed_late'
        when timestampadd(day, gate_days, entered_at) < {{ horizon() }} then 'missed'
        else 'open'
    end as state
from passed

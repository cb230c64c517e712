{#- The walk of each person through each journey (contracts/walk.py is its definition, for one person): from the stage
    where the person is, a signal leads where the journey says, else nowhere. Of stages entered in one instant only the
    last counts, and who is there already has not entered anew. -#}
with

ordered as (
    select
        journey,
        profile_id,
        array_sort(collect_list(struct(occurred_at, position, event_id, signal, why))) as steps
    from {{ ref('int_journey_steps') }}
    group by journey, profile_id
),

journeys as (
    select * from {{ ref('stg_contracts__journeys') }}
),

walked as (
    select
        ordered.journey,
        ordered.profile_id,
        aggregate(
            ordered.steps,
            named_struct(
                'stage', 'start',
                'spells', cast(
                    array() as array<struct<stage: string, entered_at: timestamp, event_id: string, why: string>>
                )
            ),
            (at, step) -> case
                when try_element_at(journeys.transitions, concat(at.stage, ' ', step.signal)) is null then at
                else named_struct(
                    'stage', try_element_at(journeys.transitions, concat(at.stage, ' ', step.signal)),
                    'spells', concat(
                        at.spells,
                        array(named_struct(
                            'stage', try_element_at(journeys.transitions, concat(at.stage, ' ', step.signal)),
                            'entered_at', step.occurred_at,
                            'event_id', step.event_id,
                            'why', step.why
                        ))
                    )
                )
            end
        ).spells as spells
    from ordered
    inner join journeys on ordered.journey = journeys.journey
),

entered as (
    select
        journey,
        profile_id,
        posexplode(spells) as (place, spell)
    from walked
),

last_of_an_instant as (
    select
        journey,
        profile_id,
        spell.stage,
        spell.entered_at,
        spell.event_id,
        spell.why
    from entered
    qualify row_number() over (partition by journey, profile_id, spell.entered_at order by place desc) = 1
)

select * from last_of_an_instant
qualify coalesce(lag(stage) over (partition by journey, profile_id order by entered_at), '') != stage

{#- One row a person, era and stage: the first event that speaks of the stage. An era runs from the first event,
    or from the return after a lapse, to the next lapse; what happens while lapsed belongs to none. -#}
with

staged as (
    select * from {{ ref('int_events_staged') }}
    where stage in ({{ words(var('journey_stages')) }})
),

lapses as (
    select
        profile_id,
        array_sort(collect_list(struct(lapsed_at, returned_at))) as lapses
    from {{ ref('int_lapses_found') }}
    group by profile_id
),

placed as (
    select
        staged.*,
        filter(lapses.lapses, lapse -> lapse.lapsed_at <= staged.occurred_at) as lapses_before
    from staged
    left join lapses on staged.profile_id = lapses.profile_id
),

numbered as (
    select
        *,
        coalesce(array_size(lapses_before), 0) as era
    from placed
    where
        coalesce(array_size(lapses_before), 0) = 0
        or occurred_at >= try_element_at(lapses_before, -1).returned_at
),

firsts as (
    select
        profile_id,
        era,
        stage,
        min(struct(occurred_at, position, event_id, event)) as opening
    from numbered
    group by profile_id, era, stage
)

select
    profile_id,
    era,
    stage,
    opening.occurred_at,
    opening.event_id,
    opening.event
from firsts

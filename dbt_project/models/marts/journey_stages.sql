{#- A person moves forward when an event first speaks of a later stage, never back; a lapse ends the way, and the
    purchase that ends the lapse begins it anew. Of stages reached in the same instant only the latest counts. -#}
with

reached as (
    select
        *,
        {{ stage_rank('stage') }} as stage_rank
    from {{ ref('int_stages_reached') }}
),

lapses as (
    select * from {{ ref('int_lapses_found') }}
),

advanced as (
    select
        *,
        max(stage_rank) over (
            partition by profile_id, era
            order by occurred_at asc, stage_rank desc
            rows between unbounded preceding and 1 preceding
        ) as rank_before
    from reached
),

spells as (
    select
        profile_id,
        stage,
        occurred_at as entered_at,
        event_id as entered_by_event,
        case
            when era > 0 and rank_before is null then concat(event, ' after a lapse')
            else concat(event, ', the first event of this stage')
        end as why
    from advanced
    where rank_before is null or stage_rank > rank_before

    union all

    select
        profile_id,
        'lapsed' as stage,
        lapsed_at as entered_at,
        event_id as entered_by_event,
        why
    from lapses
),

followed as (
    select
        *,
        row_number() over (partition by profile_id order by entered_at, stage) as spell,
        lead(entered_at) over (partition by profile_id order by entered_at, stage) as left_at,
        lead(stage) over (partition by profile_id order by entered_at, stage) as next_stage,
        lead(why) over (partition by profile_id order by entered_at, stage) as next_why
    from spells
)

select
    profile_id,
    spell,
    stage,
    entered_at,
    left_at,
    entered_by_event,
    why,
    case when left_at is not null then concat('to ', next_stage, ': ', next_why) end as left_why,
    datediff(coalesce(left_at, {{ as_of() }}), entered_at) as days,
    left_at is null as is_current
from followed

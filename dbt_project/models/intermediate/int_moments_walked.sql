{#- Of each person and moment, what opened and what ended it. While a moment is open, what would start it is counted as
    happening again; once its time and that of its recovery are over, it starts anew. -#}
with

steps as (
    select
        moments.journey,
        moments.moment,
        moments.once,
        moments.within_seconds,
        moments.recovery_seconds,
        signals.profile_id,
        case when moments.of_one_subject then coalesce(signals.subject, signals.event_id) else '' end as thread,
        array_sort(collect_set(struct(signals.occurred_at, signals.position, signals.event_id, moments.role))) as steps
    from {{ ref('signals') }} as signals
    inner join {{ ref('stg_contracts__moments') }} as moments on signals.signal = moments.signal
    group by
        moments.journey, moments.moment, moments.once, moments.within_seconds, moments.recovery_seconds,
        signals.profile_id,
        case when moments.of_one_subject then coalesce(signals.subject, signals.event_id) else '' end
),

walked as (
    select
        *,
        aggregate(
            steps,
            named_struct(
                'opened_at', cast(null as timestamp),
                'opened_by', cast(null as string),
                'repeats', 0,
                'past', cast(
                    array() as array<struct<
                        opened_at: timestamp, opened_by: string, repeats: int, ended_at: timestamp, ended_by: string
                    >>
                )
            ),
            (now, step) -> case
                when step.role = 'resolve' and now.opened_at is not null
                    then named_struct(
                        'opened_at', cast(null as timestamp),
                        'opened_by', cast(null as string),
                        'repeats', 0,
                        'past', concat(now.past, array(named_struct(
                            'opened_at', now.opened_at,
                            'opened_by', now.opened_by,
                            'repeats', now.repeats,
                            'ended_at', step.occurred_at,
                            'ended_by', step.event_id
                        )))
                    )
                when step.role = 'start' and now.opened_at is null
                    then named_struct(
                        'opened_at', step.occurred_at, 'opened_by', step.event_id, 'repeats', 0, 'past', now.past
                    )
                when
                    step.role = 'start'
                    and step.occurred_at > timestampadd(second, within_seconds + recovery_seconds, now.opened_at)
                    then named_struct(
                        'opened_at', step.occurred_at,
                        'opened_by', step.event_id,
                        'repeats', 0,
                        'past', concat(now.past, array(named_struct(
                            'opened_at', now.opened_at,
                            'opened_by', now.opened_by,
                            'repeats', now.repeats,
                            'ended_at', cast(null as timestamp),
                            'ended_by', cast(null as string)
                        )))
                    )
                when step.role = 'start'
                    then named_struct(
                        'opened_at', now.opened_at,
                        'opened_by', now.opened_by,
                        'repeats', now.repeats + 1,
                        'past', now.past
                    )
                else now
            end,
            last -> if(last.opened_at is null, last.past, concat(last.past, array(named_struct(
                'opened_at', last.opened_at,
                'opened_by', last.opened_by,
                'repeats', last.repeats,
                'ended_at', cast(null as timestamp),
                'ended_by', cast(null as string)
            ))))
        ) as past
    from steps
),

found as (
    select
        journey,
        moment,
        once,
        within_seconds,
        recovery_seconds,
        profile_id,
        explode(past) as one
    from walked
)

select
    journey,
    moment,
    once,
    within_seconds,
    recovery_seconds,
    profile_id,
    one.opened_at,
    one.opened_by,
    one.repeats,
    one.ended_at,
    one.ended_by
from found
qualify not once or row_number() over (
    partition by journey, moment, profile_id order by one.opened_at, one.opened_by
) = 1

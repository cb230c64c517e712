with

found as (
    select
        *,
        timestampadd(second, within_seconds, opened_at) as due_at,
        timestampadd(second, within_seconds + recovery_seconds, opened_at) as lost_at
    from {{ ref('int_moments_walked') }}
)

select
    journey,
    moment,
    profile_id,
    opened_at,
    opened_by as opened_by_event,
    repeats,
    due_at,
    lost_at,
    ended_at,
    ended_by as ended_by_event,
    round((unix_timestamp(ended_at) - unix_timestamp(opened_at)) / 60, 1) as minutes,
    case
        when ended_at <= due_at then 'resolved'
        when ended_at <= lost_at then 'recovered'
        when coalesce(ended_at, {{ horizon() }}) > lost_at then 'missed'
        when {{ horizon() }} > due_at then 'overdue'
        else 'open'
    end as state
from found

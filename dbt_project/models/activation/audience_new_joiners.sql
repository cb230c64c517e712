with

joins as (
    select
        profile_id,
        min(struct(occurred_at, position, event_id, event)) as opening
    from {{ ref('stg_gold__events') }}
    where event in ({{ words(var('joining_events')) }}) and profile_id is not null
    group by profile_id
),

people as (
    select * from {{ ref('int_profile_records_summed') }}
    where is_known and {{ sure_enough('audience_new_joiners') }}
)

select
    joins.profile_id,
    concat(joins.opening.event, ' on ', date_format(joins.opening.occurred_at, 'yyyy-MM-dd')) as why,
    cast(joins.opening.occurred_at as date) as since
from joins
inner join people on joins.profile_id = people.profile_id
where
    joins.opening.occurred_at < {{ horizon() }}
    and joins.opening.occurred_at >= cast(
        date_sub({{ as_of() }}, {{ var('joiner_window_days') }}) as timestamp
    )

with

regulars as (
    select
        profile_id,
        count(*) as orders,
        max(ordered_at) as last_order_at
    from {{ ref('orders') }}
    where
        profile_id is not null
        and ordered_at < {{ horizon() }}
        and ordered_at >= cast(date_sub({{ as_of() }}, {{ var('regular_window_days') }}) as timestamp)
    group by profile_id
    having count(*) >= {{ var('regular_orders') }}
),

people as (
    select * from {{ ref('int_profile_records_summed') }}
    where {{ sure_enough('audience_lapsing_regulars') }}
)

select
    regulars.profile_id,
    concat(
        regulars.orders, ' orders in {{ var("regular_window_days") }} days, none since ',
        date_format(regulars.last_order_at, 'yyyy-MM-dd')
    ) as why,
    date_add(regulars.last_order_at, {{ var('lapsing_days') }}) as since
from regulars
inner join people on regulars.profile_id = people.profile_id
where
    datediff({{ as_of() }}, regulars.last_order_at) >= {{ var('lapsing_days') }}
    and datediff({{ as_of() }}, regulars.last_order_at) < {{ var('lapse_days') }}

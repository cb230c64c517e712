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
)

select
    profile_id,
    concat(
        orders, ' orders in {{ var("regular_window_days") }} days, none since ',
        date_format(last_order_at, 'yyyy-MM-dd')
    ) as why,
    date_add(last_order_at, {{ var('lapsing_days') }}) as since
from regulars
where
    datediff({{ as_of() }}, last_order_at) >= {{ var('lapsing_days') }}
    and datediff({{ as_of() }}, last_order_at) < {{ var('lapse_days') }}

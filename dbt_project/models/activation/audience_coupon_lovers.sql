with

redemptions as (
    select
        profile_id,
        occurred_at,
        row_number() over (partition by profile_id order by occurred_at, position, event_id) as redemption
    from {{ ref('stg_gold__events') }}
    where
        event = 'coupon_redeemed'
        and profile_id is not null
        and occurred_at < {{ horizon() }}
        and occurred_at >= cast(date_sub({{ as_of() }}, {{ var('coupon_window_days') }}) as timestamp)
),

people as (
    select * from {{ ref('int_profile_records_summed') }}
    where {{ sure_enough('audience_coupon_lovers') }}
)

select
    redemptions.profile_id,
    concat(count(*), ' coupons redeemed in {{ var("coupon_window_days") }} days') as why,
    cast(max(case when redemption = {{ var('coupon_redemptions') }} then occurred_at end) as date) as since
from redemptions
inner join people on redemptions.profile_id = people.profile_id
group by redemptions.profile_id
having count(*) >= {{ var('coupon_redemptions') }}

{#- A basket's lines come from the shop, its completion from web or app; both carry one order id. -#}
with

events as (
    select
        *,
        coalesce(basket_id, order_id) as basket
    from {{ ref('stg_gold__events') }}
    where event in ('item_purchased', 'order_completed', 'coupon_redeemed')
),

baskets as (
    select
        basket as order_id,
        coalesce(
            min(case when event = 'item_purchased' then profile_id end),
            min(case when event = 'order_completed' then profile_id end)
        ) as profile_id,
        min(case when event != 'coupon_redeemed' then struct(occurred_at, position, event_id, channel) end) as opening,
        min(store_id) as store_id,
        coalesce(bool_or(event = 'order_completed'), false) as is_online,
        count_if(event = 'item_purchased') as item_lines,
        coalesce(sum(case when event = 'item_purchased' then quantity end), 0) as quantity,
        sum(case when event = 'item_purchased' then sales_value end) as lines_value,
        max(case when event = 'order_completed' then order_total end) as order_total,
        sum(case when event = 'item_purchased' then retail_discount end) as retail_discount,
        sum(case when event = 'item_purchased' then coupon_discount end) as coupon_discount,
        sum(case when event = 'item_purchased' then coupon_match_discount end) as coupon_match_discount,
        count_if(event = 'coupon_redeemed') as coupons_redeemed
    from events
    where basket is not null
    group by basket
)

select
    order_id,
    profile_id,
    opening.event_id,
    opening.channel,
    store_id,
    profile_id is not null as is_identified,
    is_online,
    item_lines,
    quantity,
    cast(coalesce(lines_value, order_total, 0) as decimal(18, 2)) as sales_value,
    cast(coalesce(retail_discount, 0) as decimal(18, 2)) as retail_discount,
    cast(coalesce(coupon_discount, 0) as decimal(18, 2)) as coupon_discount,
    cast(coalesce(coupon_match_discount, 0) as decimal(18, 2)) as coupon_match_discount,
    coupons_redeemed,
    opening.occurred_at as ordered_at
from baskets
where opening is not null

with

events as (
    select * from {{ ref('stg_gold__events') }}
    where campaign_id is not null
),

people as (
    select
        campaign_id,
        count_if(is_reached) as people_reached,
        count_if(is_reached and is_opener) as people_opened,
        count_if(is_reached and is_clicker) as people_clicked,
        count_if(is_reached and is_unsubscriber) as people_unsubscribed,
        count_if(is_redeemer) as people_redeemed,
        count_if(is_reached and is_redeemer) as people_reached_redeemed
    from {{ ref('int_campaign_people_flagged') }}
    group by campaign_id
),

counted as (
    select
        campaign_id,
        min(campaign_type) as campaign_type,
        count_if(event = 'email_delivered') as delivered,
        count_if(event = 'email_opened') as opened,
        count_if(event = 'email_clicked') as clicked,
        count_if(event = 'email_unsubscribed') as unsubscribed,
        count_if(event = 'coupon_redeemed') as redeemed,
        min(occurred_at) as first_event_at,
        max(occurred_at) as last_event_at
    from events
    group by campaign_id
),

redemption_baskets as (
    select distinct
        campaign_id,
        basket_id
    from events
    where event = 'coupon_redeemed' and basket_id is not null
),

sales as (
    select
        redemption_baskets.campaign_id,
        sum(orders.sales_value) as redemption_sales_value
    from redemption_baskets
    inner join {{ ref('orders') }} as orders on redemption_baskets.basket_id = orders.order_id
    group by redemption_baskets.campaign_id
)

select
    counted.campaign_id,
    counted.campaign_type,
    counted.delivered,
    counted.opened,
    counted.clicked,
    counted.unsubscribed,
    counted.redeemed,
    coalesce(people.people_reached, 0) as people_reached,
    coalesce(people.people_opened, 0) as people_opened,
    coalesce(people.people_clicked, 0) as people_clicked,
    coalesce(people.people_unsubscribed, 0) as people_unsubscribed,
    coalesce(people.people_redeemed, 0) as people_redeemed,
    cast(coalesce(sales.redemption_sales_value, 0) as decimal(18, 2)) as redemption_sales_value,
    round(people.people_opened / nullif(people.people_reached, 0), 4) as open_rate,
    round(people.people_clicked / nullif(people.people_reached, 0), 4) as click_rate,
    round(people.people_unsubscribed / nullif(people.people_reached, 0), 4) as unsubscribe_rate,
    round(people.people_reached_redeemed / nullif(people.people_reached, 0), 4) as redemption_rate,
    counted.first_event_at,
    counted.last_event_at
from counted
left join people on counted.campaign_id = people.campaign_id
left join sales on counted.campaign_id = sales.campaign_id

{#- One row a campaign and person: what of the campaign reached them and what they did. -#}
select
    campaign_id,
    profile_id,
    bool_or(event = 'email_delivered') as is_reached,
    bool_or(event = 'email_opened') as is_opener,
    bool_or(event = 'email_clicked') as is_clicker,
    bool_or(event = 'email_unsubscribed') as is_unsubscriber,
    bool_or(event = 'coupon_redeemed') as is_redeemer
from {{ ref('stg_gold__events') }}
where campaign_id is not null and profile_id is not null
group by campaign_id, profile_id

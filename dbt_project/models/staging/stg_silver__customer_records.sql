select
    event_id,
    record_id,
    source,
    occurred_at as seen_at,
    first_name,
    last_name,
    try_cast(birth_date as date) as birth_date,
    street,
    city,
    postcode,
    country,
    traits['ageBand'] as age_band,
    traits['incomeBand'] as income_band,
    traits['householdSize'] as household_size
from {{ source('silver', 'customer_records') }}

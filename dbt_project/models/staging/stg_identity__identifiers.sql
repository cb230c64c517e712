select
    record_id,
    identifier,
    value,
    raw_value,
    is_usable,
    first_seen as first_seen_at,
    last_seen as last_seen_at
from {{ source('identity', 'identifiers') }}

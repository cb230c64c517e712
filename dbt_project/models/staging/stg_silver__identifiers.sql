select
    record_id,
    source,
    identifier,
    value as raw_value,
    first_seen as first_seen_at,
    last_seen as last_seen_at
from {{ source('silver', 'identifiers') }}

select
    record_id,
    kind as record_kind,
    first_seen as first_seen_at,
    last_seen as last_seen_at,
    events
from {{ source('identity', 'records') }}

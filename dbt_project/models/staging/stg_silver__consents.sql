select
    event_id,
    record_id,
    source,
    purpose,
    status,
    given_at,
    notice_version,
    region
from {{ source('silver', 'consents') }}

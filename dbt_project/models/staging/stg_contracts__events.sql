select
    event,
    direction
from {{ source('contracts', 'events') }}

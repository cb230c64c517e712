select
    event,
    explode(stages) as stage
from {{ source('contracts', 'events') }}

{#- How the record of each event was linked to its person. Not part of a run: see metrics.yml. -#}
select
    event_id,
    link_kind,
    link_probability,
    occurred_at
from {{ source('gold', 'events') }}

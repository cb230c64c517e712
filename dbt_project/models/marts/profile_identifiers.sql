with

identifiers as (
    select * from {{ ref('int_profile_identifiers_joined') }}
)

select
    profile_id,
    identifier,
    value,
    bool_or(is_usable) as is_usable,
    array_join(array_sort(collect_set(source)), ', ') as sources,
    count(distinct record_id) as records,
    min(first_seen_at) as first_seen_at,
    max(last_seen_at) as last_seen_at
from identifiers
group by profile_id, identifier, value

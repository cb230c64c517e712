with

standard as (
    select * from {{ ref('stg_identity__identifiers') }}
    where value is not null
),

assignments as (
    select * from {{ ref('stg_identity__assignments') }}
),

sent as (
    select
        record_id,
        identifier,
        raw_value,
        source,
        min(first_seen_at) as first_seen_at,
        max(last_seen_at) as last_seen_at
    from {{ ref('stg_silver__identifiers') }}
    group by record_id, identifier, raw_value, source
)

select
    assignments.profile_id,
    standard.record_id,
    standard.identifier,
    standard.value,
    -- Mail goes to the address as given, of which identity's standard form may lack the tag.
    case
        when standard.identifier = 'email' and standard.value not like '%+%'
            then replace(
                standard.value,
                '@',
                concat(regexp_extract(lower(standard.raw_value), '([+][^@]*)@', 1), '@')
            )
        else standard.value
    end as given_value,
    standard.is_usable,
    sent.source,
    coalesce(sent.first_seen_at, standard.first_seen_at) as first_seen_at,
    coalesce(sent.last_seen_at, standard.last_seen_at) as last_seen_at
from standard
inner join assignments on standard.record_id = assignments.record_id
left join sent
    on
        standard.record_id = sent.record_id
        and standard.identifier = sent.identifier
        and standard.raw_value = sent.raw_value

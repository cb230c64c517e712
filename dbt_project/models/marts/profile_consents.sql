{#- The latest decision counts. Decisions of the same instant contradict each other: the strictest counts,
    by the order that contracts/purpose.py declares. -#}
with

consents as (
    select * from {{ ref('stg_silver__consents') }}
    where given_at is not null
),

assignments as (
    select * from {{ ref('stg_identity__assignments') }}
),

placed as (
    select
        assignments.profile_id,
        consents.*,
        row_number() over (
            partition by assignments.profile_id, consents.purpose
            order by
                consents.given_at desc,
                array_position(array({{ words(var('strictest_first')) }}), consents.status),
                consents.event_id
        ) as place,
        count(*) over (partition by assignments.profile_id, consents.purpose) as decisions
    from consents
    inner join assignments on consents.record_id = assignments.record_id
)

select
    profile_id,
    purpose,
    status,
    event_id,
    notice_version,
    region,
    source,
    decisions,
    given_at
from placed
where place = 1

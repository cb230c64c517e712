with

assignments as (
    select * from {{ ref('stg_identity__assignments') }}
)

select
    own_profile_id as retired_profile_id,
    profile_id
from assignments
where own_profile_id <> profile_id

select
    record_id,
    profile_id,
    own_profile_id,
    kind as link_kind,
    probability as link_probability
from {{ source('identity', 'assignments') }}

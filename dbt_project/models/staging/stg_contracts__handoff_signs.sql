select * from {{ source('contracts', 'handoff_signs') }}

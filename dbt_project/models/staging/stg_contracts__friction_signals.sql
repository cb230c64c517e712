select * from {{ source('contracts', 'friction_signals') }}

select * from {{ source('contracts', 'friction') }}

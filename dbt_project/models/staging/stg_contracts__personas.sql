select * from {{ source('contracts', 'personas') }}

select * from {{ source('contracts', 'voice') }}

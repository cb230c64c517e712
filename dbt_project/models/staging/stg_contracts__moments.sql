select * from {{ source('contracts', 'moments') }}

select * from {{ source('contracts', 'signals') }}

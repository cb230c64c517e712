select * from {{ source('contracts', 'handoffs') }}

select * from {{ source('contracts', 'quiets') }}

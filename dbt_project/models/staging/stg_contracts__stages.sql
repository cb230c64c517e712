select * from {{ source('contracts', 'stages') }}

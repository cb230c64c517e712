select * from {{ source('contracts', 'journeys') }}

{# Of one event, every signal that it is, as an array: what contracts/signals.yml says, compiled by contracts.signal_sql. #}
{% macro signals_of_event() -%}
    case event
        {%- for one in var('signals', []) %}
        when '{{ one.event }}' then array(
            {%- for hit in one.hits %}
            struct(
                '{{ hit.signal }}' as signal,
                {{ hit.condition }} as holds,
                cast({{ hit.once_per }} as string) as occurrence,
                cast({{ hit.amount }} as decimal(18, 2)) as amount,
                cast({{ hit.subject }} as string) as subject,
                cast({{ hit.via }} as string) as via
            ){{ "," if not loop.last }}
            {%- endfor %}
        )
        {%- endfor %}
        else cast(
            array() as array<struct<
                signal: string, holds: boolean, occurrence: string, amount: decimal(18, 2), subject: string, via: string
            >>
        )
    end
{%- endmacro %}

{#- What people last said beside what they did since: where the two disagree, one of them is worth asking about. -#}
with

said as (
    select
        voice.journey,
        signals.profile_id,
        max(struct(signals.occurred_at, signals.position, signals.event_id, voice.mood)) as last_word,
        cast(count_if(voice.mood = 'content') as int) as content_words,
        cast(count_if(voice.mood = 'unhappy') as int) as unhappy_words
    from {{ ref('signals') }} as signals
    inner join {{ ref('stg_contracts__voice') }} as voice on signals.signal = voice.signal
    group by voice.journey, signals.profile_id
),

standing as (
    select
        stages.journey,
        stages.profile_id,
        stages.stage,
        declared.lifecycle
    from {{ ref('journey_stages') }} as stages
    inner join {{ ref('stg_contracts__stages') }} as declared
        on stages.journey = declared.journey and stages.stage = declared.stage
    where stages.is_current
),

valued as (
    select
        said.journey,
        said.profile_id,
        cast(count_if(
            signals.occurred_at >= timestampadd(day, -{{ var('voice_days') }}, said.last_word.occurred_at)
            and signals.occurred_at <= said.last_word.occurred_at
        ) as int) as times_before,
        cast(count_if(
            signals.occurred_at > said.last_word.occurred_at
            and signals.occurred_at <= timestampadd(day, {{ var('voice_days') }}, said.last_word.occurred_at)
        ) as int) as times_after
    from said
    inner join {{ ref('stg_contracts__journeys') }} as journeys on said.journey = journeys.journey
    left join {{ ref('signals') }} as signals
        on said.profile_id = signals.profile_id and journeys.value_signal = signals.signal
    group by said.journey, said.profile_id
),

hard as (
    select
        said.journey,
        said.profile_id,
        coalesce(sum(friction.effort), 0) as effort
    from said
    left join {{ ref('friction_events') }} as friction
        on
            said.journey = friction.journey
            and said.profile_id = friction.profile_id
            and friction.occurred_at >= timestampadd(day, -{{ var('voice_days') }}, said.last_word.occurred_at)
            and said.last_word.occurred_at >= friction.occurred_at
            and said.last_word.event_id != friction.event_id
    group by said.journey, said.profile_id
)

select
    said.journey,
    said.profile_id,
    said.last_word.mood,
    said.last_word.occurred_at as said_at,
    said.last_word.event_id,
    said.content_words,
    said.unhappy_words,
    valued.times_before,
    valued.times_after,
    hard.effort as effort_before,
    case
        when timestampadd(day, {{ var('voice_days') }}, said.last_word.occurred_at) >= {{ horizon() }} then 'too_early'
        when said.last_word.mood = 'content' and standing.lifecycle = 'lapse' then 'says_good_and_left'
        when
            said.last_word.mood = 'content' and valued.times_after * 2 < valued.times_before
            then 'says_good_and_comes_less'
        when said.last_word.mood = 'unhappy' and valued.times_after > valued.times_before then 'says_bad_and_comes_more'
        when
            said.last_word.mood = 'content' and hard.effort >= {{ var('high_effort') }}
            then 'says_good_and_had_it_hard'
        else 'agrees'
    end as verdict
from said
inner join valued on said.journey = valued.journey and said.profile_id = valued.profile_id
inner join hard on said.journey = hard.journey and said.profile_id = hard.profile_id
left join standing on said.journey = standing.journey and said.profile_id = standing.profile_id

"""Who was exposed to which arm: one row per experiment and profile, and why somebody does not count.

Exposures belong to whom identity resolves them to now: two profiles that become one are one row, with both arms, and
part again when they are parted.
"""

import datetime
from typing import TYPE_CHECKING

from contracts.bucketing_sql import arm_sql, quoted
from contracts.check_experiments import VIEWED
from contracts.experiment import Experiment

if TYPE_CHECKING:
    import duckdb

TABLE = "exposures"
"""The view of the exposures of all experiments, on the connection of a measure."""
OUTSIDE, UNKNOWN, NO_ID, WRONG, MIXED, ABROAD = (
    "outside_dates", "unknown_arm", "no_id", "wrong_assignment", "mixed", "outside_population",
)  # fmt: skip
REASONS = (OUTSIDE, UNKNOWN, NO_ID, WRONG, ABROAD, MIXED)
"""Why a person does not count; of several the first."""


def expose(connection: "duckdb.DuckDBPyConnection", experiments: dict[str, Experiment], as_of: datetime.date) -> None:
    """Make the table ``exposures`` on a connection, from gold.events, gold.profiles and identity.history.

    Columns: experiment, profile_id, arm (the first seen), first_exposed_at, event_id, arms_seen (sorted, a comma
    between), is_mixed, is_counted, why_excluded.

    Args:
        connection: It has views of these three.
        experiments: By name.
        as_of: What happened after its end does not count yet.
    """
    connection.execute(
        f"""create or replace temp table {TABLE} (experiment varchar, profile_id varchar, arm varchar,
            first_exposed_at timestamptz, event_id varchar, arms_seen varchar, is_mixed boolean, is_counted boolean,
            why_excluded varchar)"""
    )
    for experiment in experiments.values():
        if experiment.status == "draft" or experiment.starts_on > as_of:
            continue
        seen = _logged(experiment, as_of) if experiment.exposure == "logged" else _assigned(experiment, as_of)
        connection.execute(f"insert into {TABLE} {_judged(experiment, seen)}")


def _days(experiment: Experiment, as_of: datetime.date) -> tuple[str, str]:
    """The first moment of exposure and the one after the last, as SQL."""
    end = min(experiment.last_day, as_of) + datetime.timedelta(1)
    return f"timestamptz '{experiment.starts_on} 00:00:00+00'", f"timestamptz '{end} 00:00:00+00'"


def _logged(experiment: Experiment, as_of: datetime.date) -> str:
    """Every exposure that an event tells of.

    Where profiles are hashed and the event does not say by which id, each id is right that the records had meanwhile:
    who was absorbed was shown the arm of the id of then.
    """
    start, end = _days(experiment, as_of)
    declared = arm_sql(experiment, "hashed", "duckdb")
    joined = ""
    if experiment.hash_attribute == "profile_id":
        declared = f"case when is_of_then and list_contains(arms_of_then, arm) then arm else {declared} end"
        joined = f"""left join (
                select profile_id, list(distinct {arm_sql(experiment, "id", "duckdb")}) as arms_of_then
                from ({_ids(experiment.starts_on, min(experiment.last_day, as_of))}) group by profile_id
            ) using (profile_id)"""
    known = f"timestamptz '{as_of + datetime.timedelta(1)} 00:00:00+00'"
    named = " ".join(
        f"when variation in ({quoted(arm)}, '{place}') then {quoted(arm)}" for place, arm in enumerate(experiment.arms)
    )
    return f"""
        select profile_id, event_id, occurred_at,
            case {named} end as arm,
            hashed is null as has_no_id,
            {declared} as declared,
            occurred_at >= {start} and occurred_at < {end} as is_inside
        from (
            select profile_id, event_id, occurred_at, properties['variation_id'] as variation,
                coalesce(properties['hash_value'], {experiment.hash_attribute}) as hashed,
                properties['hash_value'] is null as is_of_then
            from gold.events
            where event = {quoted(VIEWED)} and profile_id is not null and occurred_at < {known}
                and properties['experiment_id'] = {quoted(experiment.name)}
        ) {joined}"""


def _assigned(experiment: Experiment, as_of: datetime.date) -> str:
    """Everybody who is known, from the start or their first event on, under each id that they had meanwhile.

    An id that somebody had while it ran, and which gave another arm, is what they got until they were joined.
    """
    start, end = _days(experiment, as_of)
    known = f"timestamptz '{as_of + datetime.timedelta(1)} 00:00:00+00'"
    last = min(experiment.last_day, as_of)
    return f"""
        select profile_id, event_id, occurred_at, arm, false as has_no_id, arm as declared,
            occurred_at < {end} as is_inside
        from (
            select people.profile_id, null::varchar as event_id,
                -- the id of today first: its arm is the one that counts
                greatest({start}, coalesce(firsts.at, {start}))
                    + case when ids.id = people.profile_id then interval 0 second else interval 1 microsecond end
                    as occurred_at,
                {arm_sql(experiment, "ids.id", "duckdb")} as arm
            from gold.profiles as people
            left join (
                select profile_id, min(occurred_at) as at from gold.events
                where profile_id is not null and occurred_at < {known} group by profile_id
            ) as firsts using (profile_id)
            join ({_ids(experiment.starts_on, last)}) as ids using (profile_id)
        )
        where arm is not null"""


def _ids(first: datetime.date, last: datetime.date) -> str:
    """The id of each profile, and the ids under which its records were known from one day to another."""
    return f"""
        select profile_id, profile_id as id from gold.profiles
        union
        select now.profile_id, before.profile_id
        from (
            select record_id, profile_id, known_since,
                lead(known_since) over (partition by record_id order by revision) as known_until
            from (
                select * from identity.history
                qualify row_number() over (partition by record_id, revision order by true_from desc) = 1
            )
        ) as before
        join (
            select record_id, profile_id from identity.history
            qualify row_number() over (partition by record_id order by revision desc, true_from desc) = 1
        ) as now using (record_id)
        where now.profile_id is not null and before.profile_id is not null
            and before.known_since <= date '{last}'
            and coalesce(before.known_until > date '{first}' and before.known_until > before.known_since, true)"""


def _judged(experiment: Experiment, seen: str) -> str:
    """One row per profile of what it saw, and whether it counts."""
    countries = experiment.population.countries
    abroad = "false"
    if countries is not None:
        abroad = f"coalesce(country not in ({', '.join(map(quoted, countries))}), true)"
    is_mixed_out = "is_mixed" if experiment.on_merge == "exclude" else "false"
    return f"""
        with seen as ({seen}),
        each_ as (
            select profile_id,
                coalesce(arg_min(arm, (occurred_at, event_id)) filter (is_inside and arm is not null),
                    arg_min(arm, (occurred_at, event_id))) as arm,
                coalesce(min(occurred_at) filter (is_inside and arm is not null), min(occurred_at))
                    as first_exposed_at,
                coalesce(arg_min(event_id, (occurred_at, event_id)) filter (is_inside and arm is not null),
                    arg_min(event_id, (occurred_at, event_id))) as event_id,
                coalesce(string_agg(distinct arm, ', ' order by arm) filter (is_inside), '') as arms_seen,
                count(distinct arm) filter (is_inside) > 1 as is_mixed,
                count(*) filter (is_inside) = 0 as is_outside,
                coalesce(bool_or(arm is null) filter (is_inside), false) as is_unknown,
                coalesce(bool_or(has_no_id) filter (is_inside), false) as is_without_id,
                coalesce(bool_or(arm is distinct from declared) filter (is_inside), false) as is_wrong
            from seen group by profile_id
        ),
        judged as (
            select each_.*,
                case when is_outside then '{OUTSIDE}' when is_unknown then '{UNKNOWN}'
                    when is_without_id then '{NO_ID}' when is_wrong then '{WRONG}'
                    when {abroad} then '{ABROAD}' when {is_mixed_out} then '{MIXED}' end as why_excluded
            from each_ left join gold.profiles using (profile_id)
        )
        select {quoted(experiment.name)}, profile_id, arm, first_exposed_at, event_id, arms_seen, is_mixed,
            why_excluded is null, why_excluded
        from judged order by profile_id"""

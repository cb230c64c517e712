"""Power before the start: how many people an experiment needs, by what people like these did before."""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.bucketing_sql import quoted
from contracts.experiment import Experiment
from measures.experiments.outcomes import folded, value

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Baseline:
    """The primary metric of people like those who would take part, without the experiment.

    Attributes:
        people: Who were there.
        mean: In the metric's unit.
        deviation: Standard deviation of one person.
        since: First day of the window.
        until: Last day of it.
    """

    people: int
    mean: float
    deviation: float
    since: datetime.date
    until: datetime.date


def baseline(connection: "duckdb.DuckDBPyConnection", experiment: Experiment, as_of: datetime.date) -> Baseline:
    """What people did in the last window before the experiment, or before a day where that is earlier.

    Everybody counts who had an event in the window that carries the id that is hashed; of an assigned experiment,
    everybody who is known. Of an experiment for an audience, those of them who are in it now.

    Args:
        connection: It has views gold.events and gold.profiles, and one of the audience's mart where there is any.
        experiment: Its primary metric, hash attribute, countries and audience count.
        as_of: The last day that is known.
    """
    metric = experiment.primary
    until = min(experiment.starts_on - datetime.timedelta(1), as_of)
    since = until - datetime.timedelta(metric.window_days - 1)
    within = (
        f"occurred_at >= timestamptz '{since} 00:00:00+00' "
        f"and occurred_at < timestamptz '{until + datetime.timedelta(1)} 00:00:00+00'"
    )
    there = "select profile_id from gold.profiles"
    if experiment.exposure == "logged":
        there = (
            f"select distinct profile_id from gold.events where {experiment.hash_attribute} is not null "
            f"and profile_id is not null and {within}"
        )
    wanted = []
    if (mart := experiment.population.mart) is not None:
        wanted.append(f"profile_id in (select profile_id from {mart})")
    if experiment.population.countries is not None:
        listed = ", ".join(map(quoted, experiment.population.countries))
        wanted.append(f"profile_id in (select profile_id from gold.profiles where country in ({listed}))")
    row = connection.execute(
        f"""
        with there as (select * from ({there}) where {" and ".join(wanted) or "true"}),
        done as (
            select profile_id, {value(metric)} as value from gold.events
            where event = {quoted(metric.event)} and profile_id is not null and {within}
        ),
        people as (
            select there.profile_id, {folded(metric, "true")} as did
            from there left join done using (profile_id) group by there.profile_id
        )
        select count(*), avg(did::decimal(30, 6)), coalesce(stddev_samp(did), 0) from people"""
    ).fetchone()
    people, mean, deviation = row or (0, None, 0)
    return Baseline(people, float(mean or 0), float(deviation), since, until)


def share_taking_part(experiment: Experiment) -> float:
    """Of those who are there, the share that is in the namespace's range and covered."""
    inside = 1.0
    if experiment.namespace is not None and experiment.kind == "experiment":
        inside = experiment.namespace.end - experiment.namespace.start
    return inside * experiment.coverage

"""What people did after their first exposure, and before it: the numbers that arms are compared by."""

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from contracts.bucketing_sql import quoted
from contracts.experiment import Experiment, Metric
from measures.experiments.exposures import TABLE

if TYPE_CHECKING:
    import duckdb

Numbers = NDArray[np.float64]


@dataclass(frozen=True)
class Outcomes:
    """A metric of the people who count and whose window is over, sorted by profile id.

    Attributes:
        people: Profile ids.
        arm: Of each.
        after: The metric in the window after the first exposure.
        before: The same over the days before it; None where the metric does not declare any.
    """

    people: NDArray[np.str_]
    arm: NDArray[np.str_]
    after: Numbers
    before: Numbers | None

    def of(self, arm: str) -> Numbers:
        """The metric of an arm's people."""
        return self.after[self.arm == arm]

    def before_of(self, arm: str) -> Numbers | None:
        """What an arm's people did before."""
        return None if self.before is None else self.before[self.arm == arm]


def outcomes(
    connection: "duckdb.DuckDBPyConnection", experiment: Experiment, metric: Metric, as_of: datetime.date
) -> Outcomes:
    """A metric of everybody who counts in an experiment and whose window is over on a day.

    Args:
        connection: It has a view gold.events and the table ``exposures``.
        experiment: Whose people.
        metric: What is counted.
        as_of: The day; a window that ends with it is over.
    """
    before = f"- interval {metric.cuped_days} day" if metric.cuped_days else ""
    end = f"timestamptz '{as_of + datetime.timedelta(1)} 00:00:00+00'"
    found = connection.execute(
        f"""
        with people as (
            select profile_id, arm, first_exposed_at as start,
                first_exposed_at + interval {metric.window_days} day as over
            from {TABLE}
            where experiment = {quoted(experiment.name)} and is_counted
                and first_exposed_at + interval {metric.window_days} day <= {end}
        ),
        done as (
            select profile_id, occurred_at, {value(metric)} as value
            from gold.events where event = {quoted(metric.event)} and profile_id is not null
        )
        select people.profile_id, any_value(people.arm) as arm,
            {folded(metric, "occurred_at >= start")} as after,
            {folded(metric, "occurred_at < start")} as before
        from people left join done
            on done.profile_id = people.profile_id and occurred_at >= start {before} and occurred_at < over
        group by people.profile_id order by people.profile_id"""
    ).fetchnumpy()
    return Outcomes(
        np.asarray(found["profile_id"], dtype=np.str_),
        np.asarray(found["arm"], dtype=np.str_),
        np.asarray(found["after"], dtype=np.float64),
        np.asarray(found["before"], dtype=np.float64) if metric.cuped_days else None,
    )


def value(metric: Metric) -> str:
    """What one event adds; exact decimals, so that the sum does not depend on the order of rows."""
    if metric.property is None:
        return "1::decimal(18, 6)"
    return f"coalesce(try_cast(properties[{quoted(metric.property)}] as decimal(18, 6)), 0)"


def folded(metric: Metric, when: str) -> str:
    """What a person's events come to, of those that a condition selects: SQL of an aggregate over ``value``."""
    total = f"coalesce(sum(value) filter ({when}), 0)"
    return f"({total} > 0)::int::double" if metric.aggregate == "any" else f"{total}::double"

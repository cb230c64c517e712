"""The measure of experiments: exposures, results, interactions and the ledger, from gold.events alone.

Everything is computed anew for the run's date: a late event, a merge and an unmerge change what they should, no more.
"""

import datetime
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from contracts.bucketing_sql import quoted
from contracts.experiment import Experiment
from measures.experiments.exposures import ABROAD, OUTSIDE, TABLE, UNKNOWN, expose
from measures.experiments.interactions import interactions
from measures.experiments.ledger import ledger, shown
from measures.experiments.outcomes import Outcomes, outcomes
from measures.experiments.stats import sample_ratio
from measures.experiments.verdicts import Standing, compare
from measures.measure import Asked, Measure

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa

EXPOSURES, RESULTS = "gold.experiment_exposures", "gold.experiment_results"
INTERACTIONS, LEDGER = "gold.experiment_interactions", "gold.experiment_ledger"
HISTORY = "ops.experiments"
NOT_SAMPLED = (OUTSIDE, UNKNOWN, ABROAD)
"""Who was not given an arm by the experiment, so says nothing of its sample ratio; everybody else does."""
Rows = list[dict[str, Any]]


def compute(asked: Asked) -> Mapping[str, "pa.Table"]:
    """The four tables of experiments, and the ledger as this date adds it to its history."""
    from lakehouse.schema import arrow_schema

    experiments = dict(sorted(asked.contracts.experiments.items()))
    expose(asked.connection, experiments, asked.as_of)
    found = {
        (name, metric): outcomes(asked.connection, experiment, declared, asked.as_of)
        for name, experiment in experiments.items()
        for metric, declared in experiment.metrics.items()
    }
    compared = results(asked.connection, experiments, found, asked.as_of)
    stands = ledger(asked.connection, experiments, found, compared, asked.as_of)
    rows: dict[str, Rows] = {
        RESULTS: compared,
        INTERACTIONS: interactions(asked.connection, experiments, found, asked.as_of),
        LEDGER: stands,
        HISTORY: [row | {"as_of": asked.as_of} for row in stands],
    }
    import pyarrow as pa

    schemas = {table: arrow_schema(asked.contracts.table(table)) for table in (EXPOSURES, *rows)}
    exposed = asked.connection.sql(f"select * from {TABLE} order by experiment, profile_id").to_arrow_table()
    told = {name: pa.Table.from_pylist(content, schema=schemas[name]) for name, content in rows.items()}
    return {EXPOSURES: exposed.select(schemas[EXPOSURES].names).cast(schemas[EXPOSURES])} | told


def results(
    connection: "duckdb.DuckDBPyConnection",
    experiments: Mapping[str, Experiment],
    found: Mapping[tuple[str, str], Outcomes],
    as_of: datetime.date,
) -> Rows:
    """Each arm against the control, by experiment, metric and arm."""
    rows: Rows = []
    for name, experiment in experiments.items():
        if experiment.status == "draft" or experiment.starts_on > as_of:
            continue
        ratio = sample_ratio(people_by_arm(connection, experiment, NOT_SAMPLED), experiment.arms)
        counted = people_by_arm(connection, experiment)
        for metric, declared in experiment.metrics.items():
            over = experiment.last_day + datetime.timedelta(declared.window_days)
            standing = Standing(ratio, is_over=as_of >= over)
            for arm in experiment.treatments:
                row = compare(experiment, metric, arm, found[name, metric], standing)
                people = len(found[name, metric].of(arm)), len(found[name, metric].of(experiment.control))
                waiting = counted.get(arm, 0) + counted.get(experiment.control, 0) - sum(people)
                numbers = dict(zip(("people", "control_people", "waiting"), (*people, waiting), strict=True))
                rows.append(row | {column: shown(number) for column, number in numbers.items()})
    return sorted(rows, key=lambda row: (row["experiment"], row["metric"], row["arm"]))


def people_by_arm(
    connection: "duckdb.DuckDBPyConnection", experiment: Experiment, leave_out: tuple[str, ...] | None = None
) -> dict[str, int]:
    """How many people saw each arm first.

    Args:
        connection: It has the table ``exposures``.
        experiment: Whose.
        leave_out: Reasons for which somebody is left out; None leaves out everybody who does not count.
    """
    kept = "is_counted"
    if leave_out is not None:
        kept = f"coalesce(why_excluded not in ({', '.join(map(quoted, leave_out))}), true)"
    counted = connection.execute(
        f"select arm, count(*) from {TABLE} where experiment = {quoted(experiment.name)} and {kept} "
        "and arm is not null group by arm"
    ).fetchall()
    return dict(counted)


EXPERIMENTS = Measure(
    name="experiments",
    reads=("gold.events", "gold.profiles", "identity.history"),
    writes=(EXPOSURES, RESULTS, INTERACTIONS, LEDGER, HISTORY),
    compute=compute,
)

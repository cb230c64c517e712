"""The ledger of experiments: every one that is declared, dead ones too, with where it stands and what came of it."""

import datetime
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.bucketing_sql import quoted
from contracts.experiment import CLOSED, Experiment
from measures.experiments import sequential, stats
from measures.experiments.exposures import TABLE
from measures.experiments.outcomes import Outcomes
from measures.experiments.verdicts import alpha_of

if TYPE_CHECKING:
    import duckdb

LEAST_SHOWN = 5
"""A count of fewer people than this is not told, since it would be of somebody."""


def phase(experiment: Experiment, as_of: datetime.date) -> str:
    """Where an experiment stands on a day: ``not_started``, ``running``, ``in_last_windows``, ``over``."""
    if experiment.status == "draft" or as_of < experiment.starts_on:
        return "not_started"
    if as_of <= experiment.last_day and experiment.status not in CLOSED:
        return "running"
    longest = max(metric.window_days for metric in experiment.metrics.values())
    return "in_last_windows" if as_of < experiment.last_day + datetime.timedelta(longest) else "over"


_TOLD_EFFECTS = 1e-6, 1e6
"""In standard deviations: for a smaller one all people that there are do not suffice, a bigger one shows in any two."""


def needed(experiment: Experiment, mean: float, deviation: float) -> int | None:
    """People of the control and one other arm together who are needed, for a control arm like this.

    None where nobody can say, or more would be needed than there are people.

    Args:
        experiment: Its minimum effect, power, alpha and stop rule count.
        mean: Of the primary metric without the experiment; where it is 0 nobody can say.
        deviation: Standard deviation of one person.
    """
    if mean == 0:
        return None
    effect, alpha = experiment.minimum_effect * abs(mean), alpha_of(experiment)
    if effect < deviation * _TOLD_EFFECTS[0]:
        return None
    if effect > deviation * _TOLD_EFFECTS[1]:
        deviation = 0
    first = experiment.arms[experiment.treatments[0]]
    share = experiment.arms[experiment.control] / (experiment.arms[experiment.control] + first)
    if experiment.stop.tuned_for is None:
        return stats.people_needed(effect, deviation, alpha, experiment.power, share)
    return sequential.people_needed(effect, deviation, alpha, experiment.power, share, experiment.stop.tuned_for)


def ledger(
    connection: "duckdb.DuckDBPyConnection",
    experiments: Mapping[str, Experiment],
    found: Mapping[tuple[str, str], Outcomes],
    results: Sequence[Mapping[str, Any]],
    as_of: datetime.date,
) -> list[dict[str, Any]]:
    """One row per declared experiment.

    Args:
        connection: It has the table ``exposures``.
        experiments: By name.
        found: Outcomes by experiment and metric.
        results: Rows of gold.experiment_results.
        as_of: The run's date.
    """
    rows = []
    for name, experiment in sorted(experiments.items()):
        exposed, counted, mixed = _counted(connection, name)
        of = [row for row in results if row["experiment"] == name]
        control = found[name, "primary"].of(experiment.control)
        enough = len(control) >= experiment.at_least
        deviation = float(np.std(control, ddof=1)) if enough else 0.0
        rows.append(
            {
                "experiment": name, "version": experiment.version, "owner": experiment.owner,
                "kind": experiment.kind, "status": experiment.status, "phase": phase(experiment, as_of),
                "starts_on": experiment.starts_on, "ends_on": experiment.ends_on, "stopped_on": experiment.stopped_on,
                "plan": experiment.plan,
                "hypothesis": experiment.hypothesis, "stop_rule": experiment.stop.rule,
                "people_exposed": shown(exposed), "people_counted": shown(counted), "people_mixed": shown(mixed),
                "excluded": _excluded(connection, name),
                "people_needed": needed(experiment, float(np.mean(control)), deviation) if enough else None,
                "verdict": _verdicts(of, "primary"), "guardrails": _verdicts(of, "guardrail"),
                "learned": experiment.learned,
            }
        )  # fmt: skip
    return rows


def _counted(connection: "duckdb.DuckDBPyConnection", name: str) -> tuple[int, int, int]:
    """People who were exposed, of these those who count, and those who saw several arms."""
    row = connection.execute(
        "select count(*), count(*) filter (is_counted), count(*) filter (is_mixed) "
        f"from {TABLE} where experiment = {quoted(name)}"
    ).fetchone()
    return row or (0, 0, 0)


def shown(people: int) -> int | None:
    """A count of people as it may be told."""
    return people if people == 0 or people >= LEAST_SHOWN else None


def _excluded(connection: "duckdb.DuckDBPyConnection", name: str) -> str:
    rows = connection.execute(
        f"select why_excluded, count(*) from {TABLE} where experiment = {quoted(name)} and not is_counted "
        "group by why_excluded order by why_excluded"
    ).fetchall()
    return ", ".join(f"{why}: {count if count >= LEAST_SHOWN else 'fewer than 5'}" for why, count in rows)


def _verdicts(rows: Sequence[Mapping[str, Any]], role: str) -> str:
    """The verdict of each arm, by metric where there are several: one word where there is one arm and the metric."""
    of = [row for row in rows if row["role"] == role]
    arms = len({row["arm"] for row in of})
    told = []
    for row in of:
        parts = ([row["metric"]] if role == "guardrail" else []) + ([row["arm"]] if arms > 1 else [])
        told.append(f"{' '.join(parts)}: {row['verdict']}" if parts else row["verdict"])
    return ", ".join(told)

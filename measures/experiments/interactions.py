"""Experiments that run at once: whether the effect of one differs between the arms of another.

The difference of differences of the first one's primary metric over the four cells that two arms of each make. As with
its verdict, a fixed horizon is judged once, when its windows are over, by a normal interval, and what is looked at by
the interval that holds at every look. It says nothing where a cell is small; with one experiment in a namespace beside
another nobody is in both, and there is no row.
"""

import datetime
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contracts.bucketing_sql import quoted
from contracts.experiment import Experiment
from measures.experiments import sequential
from measures.experiments.exposures import TABLE
from measures.experiments.ledger import shown
from measures.experiments.outcomes import Outcomes
from measures.experiments.stats import Sample, sample
from measures.experiments.verdicts import TUNED_FOR

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Judged:
    """The accepted chance of one comparison, and whether every window of the experiment is over."""

    alpha: float
    is_over: bool


def interactions(
    connection: "duckdb.DuckDBPyConnection",
    experiments: Mapping[str, Experiment],
    found: Mapping[tuple[str, str], Outcomes],
    as_of: datetime.date,
) -> list[dict[str, Any]]:
    """Each treatment arm of an experiment, beside each of every other that ran at the same time.

    Args:
        connection: It has the table ``exposures``.
        experiments: By name.
        found: Outcomes by experiment and metric.
        as_of: The run's date.
    """
    rows = []
    for name, one in sorted(experiments.items()):
        pairs = list(_pairs(connection, one, found[name, "primary"], experiments))
        for other, arms in pairs:
            comparisons = sum(len(one.treatments) * len(beside.treatments) for beside, _ in pairs)
            judged = Judged(
                one.alpha / comparisons, as_of >= one.last_day + datetime.timedelta(one.primary.window_days)
            )
            for arm in one.treatments:
                for other_arm in other.treatments:
                    rows.append(_row(one, other, arm, other_arm, found[name, "primary"], arms, judged))
    return rows


def _pairs(
    connection: "duckdb.DuckDBPyConnection", one: Experiment, found: Outcomes, experiments: Mapping[str, Experiment]
) -> Iterator[tuple[Experiment, NDArray[np.str_]]]:
    """The experiments that share people with one, each with the arm in which each person of the first is there."""
    for name, other in sorted(experiments.items()):
        if name == one.name or not one.overlaps(other):
            continue
        told = connection.execute(
            f"select profile_id, arm from {TABLE} where is_counted and experiment = {quoted(name)}"
        ).fetchall()
        arm_of = dict(told)
        arms = np.array([arm_of.get(person, "") for person in found.people.tolist()], dtype=np.str_)
        if (arms != "").any():
            yield other, arms


def _row(
    one: Experiment,
    other: Experiment,
    arm: str,
    other_arm: str,
    found: Outcomes,
    arms: NDArray[np.str_],
    judged: Judged,
) -> dict[str, Any]:
    cells = [
        found.after[(found.arm == mine) & (arms == theirs)]
        for theirs in (other_arm, other.control)
        for mine in (arm, one.control)
    ]
    smallest = min(len(cell) for cell in cells)
    row: dict[str, Any] = {
        "experiment": one.name, "other": other.name, "arm": arm, "other_arm": other_arm,
        "people": shown(sum(len(cell) for cell in cells)),
    }  # fmt: skip
    if smallest < one.at_least:
        return row | {"verdict": "too_few"}
    tuned = (one.stop.tuned_for or TUNED_FOR) if one.is_looked_at else None
    difference, low, high, p_value = crossed([sample(cell) for cell in cells], judged.alpha, tuned)
    verdict = "interacts" if low > 0 or high < 0 else "none_known"
    if one.stop.rule == "fixed_horizon" and not judged.is_over:
        verdict = "too_early"
    told = {"smallest_cell": smallest, "difference": difference, "low": low, "high": high, "p_value": p_value}
    return row | told | {"verdict": verdict}


def crossed(cells: list[Sample], alpha: float, tuned_for: int | None = None) -> tuple[float, float, float, float]:
    """The difference of two differences: of the first and second cell, less that of the third and fourth.

    Args:
        cells: The four.
        alpha: The interval is of level 1 - alpha.
        tuned_for: The interval holds at every look, and is narrowest at so many people; None for one planned look.

    Returns:
        The estimate, its interval of level 1 - alpha, and the p-value of none.
    """
    from scipy.stats import norm

    first, second, third, fourth = cells
    difference = (first.mean - second.mean) - (third.mean - fourth.mean)
    error = math.sqrt(sum(cell.of_mean for cell in cells))
    if error == 0:
        return difference, difference, difference, 1.0 if difference == 0 else 0.0
    if tuned_for is not None:
        people = float(sum(cell.people for cell in cells))
        half = float(sequential.half_width(error, people, alpha, tuned_for))
        p_value = float(sequential.p_value(difference, error, people, alpha, tuned_for))
        return difference, difference - half, difference + half, p_value
    half = float(norm.ppf(1 - alpha / 2)) * error
    return difference, difference - half, difference + half, 2 * float(norm.sf(abs(difference) / error))

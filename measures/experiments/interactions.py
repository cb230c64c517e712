"""Experiments that run at once: whether the effect of one differs between the arms of another.

The difference of differences of the first one's primary metric over the four cells that two arms of each make, with a
normal interval. It says nothing where a cell is small; with one experiment in a namespace beside another nobody is in
both, and there is no row.
"""

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from contracts.bucketing_sql import quoted
from contracts.experiment import Experiment
from measures.experiments.exposures import TABLE
from measures.experiments.ledger import shown
from measures.experiments.outcomes import Outcomes
from measures.experiments.stats import Sample, sample

if TYPE_CHECKING:
    import duckdb

LEAST = 30
"""People in each of the four cells, below which nothing is said."""


def interactions(
    connection: "duckdb.DuckDBPyConnection",
    experiments: Mapping[str, Experiment],
    found: Mapping[tuple[str, str], Outcomes],
) -> list[dict[str, Any]]:
    """Each treatment arm of an experiment, beside each of every other that ran at the same time.

    Args:
        connection: It has the table ``exposures``.
        experiments: By name.
        found: Outcomes by experiment and metric.
    """
    rows = []
    for name, one in sorted(experiments.items()):
        pairs = list(_pairs(connection, one, found[name, "primary"], experiments))
        for other, arms in pairs:
            comparisons = sum(len(one.treatments) * len(beside.treatments) for beside, _ in pairs)
            for arm in one.treatments:
                for other_arm in other.treatments:
                    rows.append(_row(one, other, arm, other_arm, found[name, "primary"], arms, one.alpha / comparisons))
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
    alpha: float,
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
    if smallest < LEAST:
        return row | {"verdict": "too_few"}
    difference, low, high, p_value = crossed([sample(cell) for cell in cells], alpha)
    verdict = "interacts" if low > 0 or high < 0 else "none_known"
    told = {"smallest_cell": smallest, "difference": difference, "low": low, "high": high, "p_value": p_value}
    return row | told | {"verdict": verdict}


def crossed(cells: list[Sample], alpha: float) -> tuple[float, float, float, float]:
    """The difference of two differences: of the first and second cell, less that of the third and fourth.

    Returns:
        The estimate, its interval of level 1 - alpha, and the p-value of none.
    """
    from scipy.stats import norm

    first, second, third, fourth = cells
    difference = (first.mean - second.mean) - (third.mean - fourth.mean)
    error = math.sqrt(sum(cell.of_mean for cell in cells))
    if error == 0:
        return difference, difference, difference, 1.0 if difference == 0 else 0.0
    half = float(norm.ppf(1 - alpha / 2)) * error
    return difference, difference - half, difference + half, 2 * float(norm.sf(abs(difference) / error))

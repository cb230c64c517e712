"""One metric over one population: its estimate by each reading of who is who, and how it is bounded."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.columns import PEOPLE, PERSON, Shape, shapes
from contracts.condition import Did, Doers, Population, Rows
from contracts.metric import ADDITIVE, FEWEST_SHOWN, Measure, Metric
from measures import estimate, readings
from measures.estimate import CONFIDENCE, Estimate
from measures.metric_sql import READINGS, Query, Reading, members, of_nobody, per_person

if TYPE_CHECKING:
    import duckdb
    from numpy.typing import NDArray

    from measures.measure import Asked

DIGITS = 9
"""Significant digits kept: sums of floating-point numbers differ in the last ones from run to run."""


@dataclass(frozen=True)
class Amounts:
    """What a measure comes to for each person who has rows of it: of a median one entry a row.

    Attributes:
        person: Numbers of people, ascending.
        amount: What is summed.
        counted: Rows behind it.
    """

    person: "NDArray[np.int64]"
    amount: "NDArray[np.float64]"
    counted: "NDArray[np.float64]"


@dataclass
class Scene:
    """The tables laid out by both readings, and what was already read of them.

    Attributes:
        connection: Has the views of ``measures.readings``.
        known: Columns of each table, as declared.
        there: Columns of each table, as it is.
        as_of: The run's date.
    """

    connection: "duckdb.DuckDBPyConnection"
    known: Mapping[str, Shape]
    there: Mapping[str, set[str]]
    as_of: datetime.date
    _amounts: dict[tuple[Measure, Reading], Amounts] = field(default_factory=dict)

    def amounts(self, measure: Measure, reading: Reading) -> Amounts:
        """A measure for every person of any population."""
        if (measure, reading) not in self._amounts:
            found = self.fetch(per_person(measure, reading, self.as_of))
            amount, counted = (found[name].astype(np.float64) for name in ("amount", "counted"))
            self._amounts[measure, reading] = Amounts(found["person"].astype(np.int64), amount, counted)
        return self._amounts[measure, reading]

    def people(self, reading: Reading, population: Population, *more: Population) -> "NDArray[np.int64]":
        """The numbers of everybody of a population and of each further one, ascending."""
        return self.fetch(members(population, reading, self.as_of, *more))["person"].astype(np.int64)

    def fetch(self, query: Query) -> "dict[str, NDArray[Any]]":
        """The columns of a query, in which no value is missing."""
        found = self.connection.sql(query.sql, params=list(query.values)).to_arrow_table()
        return {name: found[name].to_numpy() for name in found.column_names}

    def lacks(self, *asked: Rows | Population) -> str:
        """What is not there of what is asked for, in words; nothing if all is there."""
        for each in asked:
            table, columns = (each.table, readings.columns_of(each)) if isinstance(each, Rows) else (PEOPLE, _of(each))
            if isinstance(each, Measure):
                columns |= aggregated(each)
            if table not in self.there:
                return f"{table} is not there"
            if missing := sorted(columns - self.there[table]):
                return f"{table} has no {', '.join(missing)} yet"
            if isinstance(each, Population) and each.audience and f"gold.{each.audience}" not in self.there:
                return f"gold.{each.audience} is not there"
        return ""


@dataclass(frozen=True)
class Figure:
    """A metric over a population.

    Attributes:
        found: By all links that hold.
        certain: By certain links only; for a metric of operation the same.
        why: Why there is no number, in words.
    """

    found: Estimate
    certain: Estimate
    why: str = ""

    @property
    def links(self) -> tuple[float | None, float | None]:
        """Between what the number lies by both readings."""
        if self.found.value is None or self.certain.value is None:
            return None, None
        return min(self.found.value, self.certain.value), max(self.found.value, self.certain.value)

    @property
    def whole(self) -> tuple[float | None, float | None]:
        """The interval that holds those of both readings."""
        ends = (self.found.low, self.certain.low), (self.found.high, self.certain.high)
        low = None if None in ends[0] else min(end for end in ends[0] if end is not None)
        high = None if None in ends[1] else max(end for end in ends[1] if end is not None)
        return low, high


def scene(asked: "Asked", metrics: Iterable[Metric], populations: Iterable[Population] = ()) -> Scene:
    """Lay out the tables that metrics and populations read."""
    known = shapes(asked.contracts.tables.values())
    there = readings.there(asked.connection)
    wanted: dict[str, set[str]] = {}
    rows: list[Rows] = [measure for metric in metrics for measure in metric.measures]
    for population in populations:
        rows += behaviour(population)
    for each in rows:
        columns = readings.columns_of(each) | (aggregated(each) if isinstance(each, Measure) else set())
        if each.table in known and each.table in there:
            wanted.setdefault(each.table, set()).update(columns & there[each.table])
    readings.lay_out(asked.connection, known, wanted)
    return Scene(asked.connection, known, there, asked.as_of)


def behaviour(population: Population) -> tuple[Did, ...]:
    """The rows by which people are of a population or not."""
    return (*population.did, *population.did_not) if isinstance(population, Doers) else ()


def figure(on: Scene, metric: Metric, *populations: Population) -> Figure:
    """Compute a metric over its own population, narrowed by others."""
    every = (metric.population, *populations)
    asked: tuple[Rows | Population, ...] = (
        *metric.measures,
        *every,
        *(done for population in every for done in behaviour(population)),
    )
    if lacking := on.lacks(*asked):
        none = estimate.nothing(0, "not_computed")
        return Figure(none, none, lacking)
    found = {reading: _estimate(on, metric, reading, every) for reading in READINGS}
    return Figure(found["all"], found["certain"], _why(found["all"]))


def over(on: Scene, metric: Metric, people: "NDArray[np.int64]", reading: Reading, confidence: float) -> Estimate:
    """Compute a metric over people given by their numbers; fewer than five are not shown."""
    if len(people) < FEWEST_SHOWN:
        return estimate.nothing(len(people), "too_few_people")
    first = on.amounts(metric.measures[0], reading)
    above = _spread(first, people)
    if metric.type == "ratio":
        below = _spread(on.amounts(metric.measures[1], reading), people)
        if all(counts_people(measure) for measure in metric.measures) and not np.any(above > below):
            found = estimate.proportion(float(above.sum()), int(below.sum()), confidence)
        else:
            found = estimate.ratio(above, below, confidence)
    elif metric.measures[0].agg == "median":
        chosen = np.isin(first.person, people)
        found = estimate.median(first.amount[chosen], first.person[chosen], confidence)
    elif metric.measures[0].agg == "average":
        found = estimate.ratio(above, _spread(first, people, rows=True), confidence)
    elif counts_people(metric.measures[0]):
        found = estimate.number(float(above.sum()), len(people), confidence)
    else:
        found = estimate.total(above, confidence)
    if found.value is not None and found.people < FEWEST_SHOWN:
        return estimate.nothing(found.people, "too_few_people")
    return found


def counts_people(measure: Measure) -> bool:
    """Whether a measure is one for each person who has any of its rows."""
    return measure.agg == "count_distinct" and measure.column == PERSON


def counted(on: Scene, metric: Metric) -> "NDArray[np.int64] | None":
    """The people whom a metric is of; None where it is of everybody in its population."""
    if metric.type == "ratio":
        below = on.amounts(metric.measures[1], "all")
        return np.unique(below.person[below.amount != 0])
    return np.unique(on.amounts(metric.measures[0], "all").person) if metric.measures[0].agg not in ADDITIVE else None


def unsure_rows(on: Scene, metric: Metric) -> tuple[int, int, float | None]:
    """Rows of a metric's first measure, how many name nobody, and of the others the share whose link is not certain."""
    query = of_nobody(metric.measures[0], on.as_of)
    ((rows, nobody, unsure),) = on.connection.execute(query.sql, list(query.values)).fetchall()
    return rows, nobody, unsure / (rows - nobody) if rows > nobody else None


def rounded(value: float | None) -> float | None:
    """A number with the digits that are kept."""
    return None if value is None or not np.isfinite(value) else float(f"{value:.{DIGITS}g}")


def _estimate(on: Scene, metric: Metric, reading: Reading, populations: tuple[Population, ...]) -> Estimate:
    if metric.is_of_operation:  # each row stands for itself
        return _of_rows(on, metric)
    return over(on, metric, on.people(reading, *populations), reading, CONFIDENCE)


def _of_rows(on: Scene, metric: Metric) -> Estimate:
    """A metric of operation: what was counted is all there is, so that a sum has no interval."""
    first = on.amounts(metric.measures[0], "all")
    if metric.type == "ratio":
        second = on.amounts(metric.measures[1], "all")
        whole = float(second.amount.sum())
        return Estimate(float(first.amount.sum()) / whole, None, None, 0, "known") if whole else _NO_ROWS
    agg = metric.measures[0].agg
    if agg in ("median", "average", "max"):
        if len(first.amount) == 0:
            return _NO_ROWS
        middle = np.median(first.amount) if agg == "median" else first.amount.mean()
        return Estimate(float(first.amount.max() if agg == "max" else middle), None, None, 0, "known")
    return Estimate(float(first.amount.sum()), None, None, 0, "known")


_NO_ROWS = estimate.nothing(0, "no_rows")


def _spread(amounts: Amounts, people: "NDArray[np.int64]", rows: bool = False) -> "NDArray[np.float64]":
    """The amount of each of these people, 0 for who has no rows."""
    found = np.zeros(len(people))
    places = np.searchsorted(people, amounts.person)
    places[places == len(people)] = 0
    is_one = people[places] == amounts.person if len(people) else np.zeros(len(amounts.person), dtype=bool)
    found[places[is_one]] = (amounts.counted if rows else amounts.amount)[is_one]
    return found


def aggregated(measure: Measure) -> set[str]:
    """The columns that a measure aggregates."""
    return {measure.column} | ({measure.since} if measure.since else set())


def _why(found: Estimate) -> str:
    return {
        "known": "",
        "no_variation": "all people are alike in it, which says nothing of how people differ",
        "no_rows": "nothing meets its conditions",
        "too_few_people": f"it is of fewer than {FEWEST_SHOWN} people",
        "not_computed": "",
    }[found.status]


def _of(population: Population) -> set[str]:
    return {condition.column for condition in population.conditions}

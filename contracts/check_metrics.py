"""What metrics and hypotheses name is there, may be used, and makes sense together."""

import datetime
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.base import problem_at
from contracts.columns import PEOPLE, PERSON, Known, Shape, Sort, shapes
from contracts.condition import OF_LINK, Condition, Did, Doers, Population, Rows
from contracts.errors import Problem
from contracts.hypothesis import Hypothesis
from contracts.metric import OF_OPS, Measure, Metric

Where = tuple[str | int, ...]
_OF_LINK = {"link_kind": Known("text", "none"), "link_probability": Known("number", "none")}
_ORDERED = ("<", "<=", ">", ">=")


def problems_of_metrics(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    """Every problem of the metrics and hypotheses, with its file and line.

    Args:
        loaded: The declarations by kind and file, as contracts.check loads them.
    """
    if not loaded["metric"] and not loaded["hypothesis"]:
        return
    known = shapes(loaded["table"].values())
    yield from _one_north_star(loaded["metric"])
    yield from _names(loaded)
    for path, metric in loaded["metric"].items():
        yield from _metric(path, metric, known)
    for path, hypothesis in loaded["hypothesis"].items():
        yield from _hypothesis(path, hypothesis, known, loaded["metric"])


def _one_north_star(metrics: Mapping[Path, Metric]) -> Iterator[Problem]:
    stars = [path for path, metric in metrics.items() if metric.kind == "north_star"]
    if metrics and not stars:
        first = next(iter(metrics))
        yield problem_at(first, ("kind",), "no metric is the north star: one metric, and one only, is of that kind")
    for path in stars[1:]:
        what = f"{metrics[stars[0]].metric} is the north star already: one metric, and one only, is of that kind"
        yield problem_at(path, ("kind",), what, ("guardrail", "input"))


def _names(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    for kind in ("metric", "hypothesis"):
        for path, item in loaded[kind].items():
            name = getattr(item, kind)
            if path.stem != name:
                yield problem_at(path, (kind,), f"{name} is declared in {path.name}", (path.stem,))


def _metric(path: Path, metric: Metric, known: Mapping[str, Shape]) -> Iterator[Problem]:
    for place in ("measure", "numerator", "denominator"):
        measure: Measure | None = getattr(metric, place)
        if measure is not None:
            yield from _rows(path, (place,), measure, known)
            yield from _aggregated(path, (place,), measure, known)
    yield from _population(path, ("population",), metric.population, known)
    for number, name in enumerate(metric.groups.by if metric.groups else ()):
        column, where = known[PEOPLE].columns.get(name), ("groups", "by", number)
        if column is None:
            yield problem_at(path, where, f"{name} is no column of {PEOPLE}", _open(known[PEOPLE]))
        elif column.is_restricted or column.privacy == "pseudonymous":
            yield problem_at(path, where, f"{name} is {column.privacy}: it names or reaches people, and is no group")
        elif column.sort not in ("text", "truth"):
            yield problem_at(path, where, f"{name} is a {column.sort}, of which there is no group")


def _rows(path: Path, where: Where, rows: Rows, known: Mapping[str, Shape]) -> Iterator[Problem]:
    """A table, what its rows are filtered by, and its clock."""
    shape = known.get(rows.table)
    if shape is None:
        yield problem_at(path, (*where, "table"), f"{rows.table} is no table of gold or ops", sorted(known))
        return
    if rows.table.startswith("ops.") and rows.table not in OF_OPS:
        yield problem_at(path, (*where, "table"), f"no metric is computed of {rows.table}", OF_OPS)
    for number, condition in enumerate(rows.filter):
        yield from _condition(path, (*where, "filter", number), condition, rows.table, shape)
    if rows.time is not None:
        clock = shape.columns.get(rows.time)
        times = [name for name, column in shape.columns.items() if column.sort == "time"]
        if clock is None:
            yield problem_at(path, (*where, "time"), f"{rows.time} is no column of {rows.table}", times)
        elif clock.sort != "time":
            yield problem_at(path, (*where, "time"), f"{rows.time} of {rows.table} is no time", times)
    if rows.table.startswith("gold.") and PERSON not in shape.columns:
        yield problem_at(path, (*where, "table"), f"{rows.table} is not about people: it has no {PERSON}")


def _aggregated(path: Path, where: Where, measure: Measure, known: Mapping[str, Shape]) -> Iterator[Problem]:
    shape = known.get(measure.table)
    if shape is None:
        return
    column, at = shape.columns.get(measure.column), (*where, "column")
    if column is None:
        yield problem_at(path, at, f"{measure.column} is no column of {measure.table}", _open(shape))
        return
    if column.is_restricted:
        yield problem_at(path, at, f"{measure.column} is {column.privacy or 'of no class'}, which no metric may read")
    if measure.since is not None:
        times = [name for name, found in shape.columns.items() if found.sort == "time"]
        for name, place in ((measure.since, "since"), (measure.column, "column")):
            if name not in times:
                yield problem_at(path, (*where, place), f"{name} is no time of {measure.table}", times)
    elif measure.agg in ("sum", "average", "median", "max") and column.sort != "number":
        numbers = [name for name, found in shape.columns.items() if found.sort == "number"]
        yield problem_at(path, at, f"{measure.column} is a {column.sort}, of which there is no {measure.agg}", numbers)
    if measure.agg == "max" and not measure.table.startswith("ops."):
        what = "the greatest of the people seen says little of others: max is for tables of ops"
        yield problem_at(path, (*where, "agg"), what, ("count", "count_distinct", "sum", "average", "median"))
    if measure.agg == "count_distinct" and measure.table.startswith("ops."):
        yield problem_at(path, (*where, "agg"), "rows of ops are counted one by one", ("count", "sum", "median"))
    elif measure.agg == "count_distinct" and measure.column != PERSON and shape.key != (measure.column,):
        keys = (PERSON, *(shape.key if len(shape.key) == 1 else ()))
        what = f"{measure.column} may be shared by people, and what is distinct is then no sum over them"
        yield problem_at(path, at, what, keys)
    if measure.table == PEOPLE and measure.column != PERSON:
        what = f"{measure.column} is of a whole profile, which cannot be taken apart: measure the rows it comes from"
        yield problem_at(path, at, what, (PERSON,))


def _population(path: Path, where: Where, population: Population, known: Mapping[str, Shape]) -> Iterator[Problem]:
    shape = known[PEOPLE]
    for number, condition in enumerate(population.conditions):
        here = (*where, "conditions", number)
        yield from _condition(path, here, condition, PEOPLE, shape)
        column = shape.columns.get(condition.column)
        if column is not None and column.privacy == "behavioural":
            what = f"{condition.column} is of what people did, in a profile that cannot be taken apart: say it as rows"
            yield problem_at(path, (*here, "column"), what, _of_kind(shape))
    if population.audience is not None and f"gold.{population.audience}" not in known:
        audiences = sorted(name[5:] for name in known if name.startswith("gold.audience_"))
        yield problem_at(path, (*where, "audience"), f"{population.audience} is no audience", audiences)
    if isinstance(population, Doers):
        for group in ("did", "did_not"):
            done: Did
            for number, done in enumerate(getattr(population, group)):
                yield from _rows(path, (*where, group, number), done, known)
                if done.table.startswith("ops."):
                    what = "a table of ops tells of runs, by their clocks, and not of what people did"
                    yield problem_at(path, (*where, group, number, "table"), what)


def _condition(path: Path, where: Where, condition: Condition, table: str, shape: Shape) -> Iterator[Problem]:
    name = condition.column
    if name.startswith("event."):
        if shape.event is None or name.removeprefix("event.") not in OF_LINK:
            allowed = [f"event.{found}" for found in OF_LINK] if shape.event else _open(shape)
            yield problem_at(path, (*where, "column"), f"{name} is not known of a row of {table}", allowed)
            return
        column = _OF_LINK[name.removeprefix("event.")]
    elif name in shape.columns:
        column = shape.columns[name]
    else:
        yield problem_at(path, (*where, "column"), f"{name} is no column of {table}", _open(shape))
        return
    if column.is_restricted:
        what = f"{name} is {column.privacy or 'of no class'}, which no metric may read"
        yield problem_at(path, (*where, "column"), what, _open(shape))
    for value in condition.values:
        if column.sort != "other" and _sort_of(value) != column.sort:
            yield problem_at(path, (*where, "value"), f"{value} is no {column.sort}, as {name} of {table} is")
    if condition.op in _ORDERED and column.sort not in ("number", "time"):
        what = f"{name} is a {column.sort}, which has no order that means something"
        yield problem_at(path, (*where, "op"), what, ("=", "!=", "in", "not_in", "is_given", "is_missing"))


def _sort_of(value: Any) -> Sort:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, int | float):
        return "number"
    return "time" if isinstance(value, datetime.date) else "text"


def _open(shape: Shape) -> Sequence[str]:
    return [name for name, column in shape.columns.items() if not column.is_restricted]


def _of_kind(shape: Shape) -> Sequence[str]:
    """Columns that say what a person is."""
    return [name for name, column in shape.columns.items() if column.privacy in ("none", "demographic")]


def _hypothesis(
    path: Path, hypothesis: Hypothesis, known: Mapping[str, Shape], metrics: Mapping[Path, Metric]
) -> Iterator[Problem]:
    named = {metric.metric: metric for metric in metrics.values()}
    if hypothesis.metric not in named:
        yield problem_at(path, ("metric",), f"{hypothesis.metric} is no metric", sorted(named))
    elif named[hypothesis.metric].is_of_operation:
        yield problem_at(path, ("metric",), f"{hypothesis.metric} tells of runs, and a hypothesis is about people")
    yield from _population(path, ("population",), hypothesis.population, known)
    if hypothesis.compare is not None:
        yield from _population(path, ("compare", "these"), hypothesis.compare.these, known)
        if hypothesis.compare.those is not None:
            yield from _population(path, ("compare", "those"), hypothesis.compare.those, known)

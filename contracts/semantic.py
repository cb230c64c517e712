"""The metrics in MetricFlow's YAML, beside the dbt models that they read: semantic models, and metrics over them.

Written from contracts/metrics by ``clew check --write-docs``, by the specification of dbt 1.11
(https://docs.getdbt.com/docs/build/semantic-models). MetricFlow computes the numbers of one reading of who is who, all
links that hold, and no intervals: those are in gold.metrics. Grouped by ``metric_time__day``, a metric of a window has
at each day the value of the window that ends with it.
"""

import datetime
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from contracts.columns import EVENTS, PEOPLE, PERSON, Shape, shapes
from contracts.condition import Condition, Population
from contracts.metric import Measure, Metric
from contracts.table import Table

FILE = Path("dbt_project") / "models" / "semantic" / "metrics.yml"
"""Beside the contracts folder."""
_LINKS, _AUDIENCE = "event_links", "is_in_audience"
_HEAD = """\
# Made from contracts/metrics by `clew check --write-docs`; `clew check` tells when it is stale.
# MetricFlow computes one number of each; its interval, and what uncertain links do to it, are in gold.metrics.
# A run does not build time_spine and event_links: dbt run --select path:models/semantic
"""
_SPINE = {
    "name": "time_spine",
    "description": "One row per day, for windows of days.",
    "time_spine": {"standard_granularity_column": "date_day"},
    "columns": [{"name": "date_day", "data_type": "date", "description": "The day.", "granularity": "day"}],
}
_LINK_MODEL = {"name": _LINKS, "description": "One row per event, with how its record was linked to its person."}


def page(tables: Iterable[Table], metrics: Mapping[str, Metric]) -> str:
    """The file."""
    known = shapes(tables)
    written = {name: metric for name, metric in sorted(metrics.items()) if not left_out(metric, known)}
    told = [f"#   {name}: {why}" for name, metric in sorted(metrics.items()) if (why := left_out(metric, known))]
    head = _HEAD + ("# Not here:\n" + "\n".join(told) + "\n" if told else "")
    content = {
        "version": 2,
        "models": [_SPINE, _LINK_MODEL],
        "semantic_models": list(_semantic_models(written, known)),
        "metrics": [item for metric in written.values() for item in _metrics(metric, known)],
    }
    return head + yaml.dump(content, Dumper=_Plain, sort_keys=False, width=120, allow_unicode=True)


def left_out(metric: Metric, known: Mapping[str, Shape]) -> str:
    """Why MetricFlow cannot have a metric, in words; nothing where it can."""
    if metric.is_of_operation:
        return "it is of ops, which no dbt model shows"
    for measure in metric.measures:
        if measure.table == "gold.consent_state" or measure.table == EVENTS:
            return f"it is of {measure.table}, which no dbt model shows"
        if measure.ended_days_ago:
            return "its window ends before the day that it is told for"
        if _clock(measure, known) is None:
            return f"it says no time, and {measure.table} has none"
    values = [value for condition in _conditions(metric) for value in condition.values]
    if any(mark in str(value) for value in values for mark in "{}\\"):
        return "a value has a brace or a backslash, which Jinja would read"
    return ""


class _Plain(yaml.SafeDumper):
    """Writes filters, which have several lines, as blocks; and nothing as a reference to another place."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _conditions(metric: Metric) -> Iterator[Condition]:
    yield from metric.population.conditions
    for measure in metric.measures:
        yield from measure.filter


def _clock(measure: Measure, known: Mapping[str, Shape]) -> str | None:
    times = [name for name, column in known[measure.table].columns.items() if column.sort == "time"]
    if measure.time is not None:
        return measure.time
    return "first_seen_at" if measure.table == PEOPLE else next(iter(times), None)


def _semantic_models(metrics: Mapping[str, Metric], known: Mapping[str, Shape]) -> Iterator[dict[str, Any]]:
    measured: dict[str, dict[str, Measure]] = {}
    for metric in metrics.values():
        for name, measure in _named(metric).items():
            measured.setdefault(measure.table, {})[name] = measure
    asked = [condition for metric in metrics.values() for condition in _conditions(metric)]
    if metrics:
        measured.setdefault(PEOPLE, {})
    for table, measures in sorted(measured.items()):
        yield _semantic_model(table, measures, known)
    if any(condition.column.startswith("event.") for condition in asked):
        yield {
            "name": _LINKS,
            "model": f"ref('{_LINKS}')",
            "entities": [{"name": "event", "type": "primary", "expr": "event_id"}],
            "dimensions": [
                {"name": "link_kind", "type": "categorical"},
                {"name": "link_probability", "type": "categorical"},
            ],
        }
    for audience in sorted({metric.population.audience for metric in metrics.values() if metric.population.audience}):
        yield {
            "name": audience,
            "model": f"ref('{audience}')",
            "entities": [{"name": "profile", "type": "primary", "expr": PERSON}],
            "dimensions": [{"name": f"{_AUDIENCE}_{audience}", "type": "categorical", "expr": "true"}],
        }


def _semantic_model(table: str, measures: Mapping[str, Measure], known: Mapping[str, Shape]) -> dict[str, Any]:
    shape, name = known[table], table.removeprefix("gold.")
    clocks = [clock for measure in measures.values() if (clock := _clock(measure, known))]
    times = [column for column, found in shape.columns.items() if found.sort == "time"]
    found: dict[str, Any] = {"name": name, "model": f"ref('{name}')"}
    if clocks or table == PEOPLE:
        found["defaults"] = {"agg_time_dimension": clocks[0] if clocks else "first_seen_at"}
    found["entities"] = _entities(table, shape)
    if not any(entity["type"] == "primary" for entity in found["entities"]):
        found["primary_entity"] = _primary(table, shape)
    columns = [
        column for column, each in shape.columns.items() if each.privacy in ("none", "behavioural", "demographic")
    ]
    found["dimensions"] = [
        {"name": column, "type": "time", "type_params": {"time_granularity": "day"}}
        if column in times
        else {"name": column, "type": "categorical"}
        for column in columns
    ]
    found["measures"] = [
        {"name": name, "agg": measure.agg, "expr": _expression(measure), "agg_time_dimension": _clock(measure, known)}
        for name, measure in measures.items()
    ]
    return {key: value for key, value in found.items() if value}


def _expression(measure: Measure) -> str:
    """What is aggregated: of rows that name a person alone, as Clew does."""
    column = measure.column
    if measure.since is not None:
        column = f"(unix_timestamp({column}) - unix_timestamp({measure.since})) / 3600.0"
    is_of_anybody = measure.table == PEOPLE or measure.column == PERSON
    return column if is_of_anybody else f"CASE WHEN {PERSON} IS NOT NULL THEN {column} END"


def _entities(table: str, shape: Shape) -> list[dict[str, str]]:
    found = []
    if len(shape.key) == 1:
        found.append({"name": _primary(table, shape), "type": "primary", "expr": shape.key[0]})
    if table != PEOPLE and shape.key != (PERSON,):
        found.append({"name": "profile", "type": "foreign", "expr": PERSON})
    if shape.event is not None:
        found.append({"name": "event", "type": "foreign", "expr": shape.event})
    return found


def _primary(table: str, shape: Shape) -> str:
    """The entity that a row is: by its key, else by the table."""
    return shape.key[0].removesuffix("_id") if len(shape.key) == 1 else f"{table.removeprefix('gold.')}_row"


def _named(metric: Metric) -> dict[str, Measure]:
    """The measures by the names that they have in MetricFlow, where each is unique."""
    if metric.measure is not None:
        return {f"{metric.metric}_measure": metric.measure}
    names = (f"{metric.metric}_above", f"{metric.metric}_below")
    return dict(zip(names, metric.measures, strict=True))


def _metrics(metric: Metric, known: Mapping[str, Shape]) -> Iterator[dict[str, Any]]:
    meta = {"owner": metric.owner, "kind": metric.kind, "unit": metric.unit, "good": metric.direction}
    if metric.threshold is not None:
        meta["threshold"] = metric.threshold.text
    head = {
        "name": metric.metric,
        "label": metric.metric.replace("_", " ").capitalize(),
        "description": f"{metric.about} ({metric.unit}; {metric.grain})",
        "config": {"meta": meta},
    }
    if metric.measure is not None:
        yield head | _of_measure(f"{metric.metric}_measure", metric.measure, metric.population, known)
        return
    for name, measure in _named(metric).items():
        side = {
            "name": name,
            "label": name.replace("_", " ").capitalize(),
            "description": f"A part of {metric.metric}.",
        }
        yield side | _of_measure(name, measure, metric.population, known)
    above, below = _named(metric)
    yield head | {"type": "ratio", "type_params": {"numerator": above, "denominator": below}}


def _of_measure(name: str, measure: Measure, population: Population, known: Mapping[str, Shape]) -> dict[str, Any]:
    """A metric of one measure: over its window, or over all time up to the day that is asked for."""
    params: dict[str, Any] = {"measure": name}
    if measure.days is not None:
        params["cumulative_type_params"] = {"window": f"{measure.days} days"}
    found: dict[str, Any] = {"type": "cumulative", "type_params": params}
    own = _primary(measure.table, known[measure.table])
    filters = [_filter(condition, own) for condition in measure.filter]
    filters += [_filter(condition, "profile") for condition in population.conditions]
    if population.audience:
        filters.append(f"{{{{ Dimension('profile__{_AUDIENCE}_{population.audience}') }}}} = true")
    if filters:
        found["filter"] = " AND ".join(filters)
    return found


def _filter(condition: Condition, entity: str) -> str:
    name = condition.column
    if name.startswith("event."):
        entity, name = "event", name.removeprefix("event.")
    is_time = any(isinstance(value, datetime.date) for value in condition.values)
    dimension = (
        f"{{{{ TimeDimension('{entity}__{name}', 'day') }}}}" if is_time else f"{{{{ Dimension('{entity}__{name}') }}}}"
    )
    if condition.op in ("is_given", "is_missing"):
        return f"{dimension} IS {'NOT ' if condition.op == 'is_given' else ''}NULL"
    if condition.op in ("in", "not_in"):
        listed = ", ".join(map(_literal, condition.values))
        return f"{dimension} {condition.op.upper().replace('_', ' ')} ({listed})"
    return f"{dimension} {condition.op} {_literal(condition.values[0])}"


def _literal(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else "'" + str(value).replace("'", "''") + "'"

"""What experiments say of events, audiences and each other."""

from collections.abc import Iterator, Mapping
from itertools import combinations
from pathlib import Path
from typing import Any

from contracts.base import problem_at
from contracts.errors import Problem
from contracts.event import Event
from contracts.experiment import Experiment, Metric
from contracts.marts import published_models

VIEWED = "experiment_viewed"
"""The event that logs who saw which arm."""


def problems_of_experiments(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    """Metrics of events that nobody declares, audiences that are none, and ranges of a namespace given out twice.

    Args:
        loaded: The declarations by kind and file, as contracts.check loads them.
    """
    events: dict[str, Event] = {item.event: item for item in loaded["event"].values()}
    marts = tuple(model["name"] for _, model in published_models())
    audiences = ("everyone", *(name for name in marts if name.startswith("audience_")))
    for path, item in loaded["experiment"].items():
        yield from _metric(path, ("primary",), item.primary, events)
        for name, guardrail in item.guardrails.items():
            yield from _metric(path, ("guardrails", name), guardrail, events)
        if item.population.audience not in audiences:
            what = f"{item.population.audience} is no audience"
            yield problem_at(path, ("population", "audience"), what, audiences)
        if item.exposure == "logged" and VIEWED not in events:
            yield problem_at(path, ("exposure",), f"no event {VIEWED} is declared, which logs exposures")
    yield from _shared_ranges(loaded["experiment"])
    yield from _holdouts(loaded)


def _holdouts(loaded: Mapping[str, Mapping[Path, Any]]) -> Iterator[Problem]:
    """What an export holds people out for is a holdout."""
    known = sorted(item.name for item in loaded["experiment"].values() if item.kind == "holdout")
    for path, export in loaded["export"].items():
        for number, name in enumerate(export.holdouts):
            if name not in known:
                yield problem_at(path, ("holdouts", number), f"{name} is no experiment of kind holdout", known)


def _metric(path: Path, where: tuple[str, ...], metric: Metric, events: Mapping[str, Event]) -> Iterator[Problem]:
    if metric.event not in events:
        yield problem_at(path, (*where, "event"), f"{metric.event} is no event", sorted(events))
    elif metric.property is not None:
        declared = events[metric.event].properties
        numbers = sorted(name for name, item in declared.items() if item.type in ("number", "integer"))
        if metric.property not in numbers:
            what = f"{metric.property} is no number of {metric.event}"
            yield problem_at(path, (*where, "property"), what, numbers)


def _shared_ranges(experiments: Mapping[Path, Experiment]) -> Iterator[Problem]:
    """Ranges of one namespace are there to keep experiments apart: two that run at once may not share any."""
    for (_, one), (path, other) in combinations(sorted(experiments.items()), 2):
        if one.namespace and other.namespace and one.overlaps(other) and one.namespace.meets(other.namespace):
            both = f"from {other.namespace.start:g} to {other.namespace.end:g} meets that of {one.name}"
            what = f"the range of {other.namespace.name} {both}, which runs at the same time"
            yield problem_at(path, ("namespace",), what)

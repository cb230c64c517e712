"""Measure ``hypotheses``: what each declared claim comes to on the run's date.

A claim holds where its whole interval, of people and of who is who, lies on its side of the threshold, and is refuted
where all of it lies on the other. An interval with the threshold in it tells neither: there are not enough people yet.
Before its date nothing is judged, though the estimate is shown. The interval is of one look: a claim that is still open
after its date is looked at again by each run, and the more often, the likelier one side is reached by chance; the
history tells how often it was looked at.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from contracts.condition import Population
from contracts.hypothesis import Claimed, Hypothesis, Verdict
from contracts.metric import Metric
from measures import estimate
from measures.estimate import CONFIDENCE, Estimate
from measures.fairness import a_person, unit_between
from measures.figures import Figure, Scene, behaviour, figure, over, rounded, scene
from measures.measure import Measure
from measures.metric_sql import READINGS
from measures.metrics import table_of
from measures.readings import IDENTITY, gold

if TYPE_CHECKING:
    from measures.measure import Asked

TABLE, HISTORY = "gold.hypotheses", "ops.hypothesis_verdicts"


def hypotheses(asked: "Asked") -> Mapping[str, pa.Table]:
    """The verdict of every hypothesis; its history keeps one for each of the runs' dates."""
    declared = [hypothesis for _, hypothesis in sorted(asked.contracts.hypotheses.items())]
    if not declared:
        return {name: table_of(asked.contracts, name, []) for name in (TABLE, HISTORY)}
    used = [asked.contracts.metrics[hypothesis.metric] for hypothesis in declared]
    on = scene(asked, used, [each for hypothesis in declared for each in _populations(hypothesis)])
    rows = [_row(on, hypothesis, metric) for hypothesis, metric in zip(declared, used, strict=True)]
    kept = ("hypothesis", "verdict", "estimate", "low", "high", "people", "threshold")
    history = [{**{name: row[name] for name in kept}, "as_of": asked.as_of} for row in rows]
    return {TABLE: table_of(asked.contracts, TABLE, rows), HISTORY: table_of(asked.contracts, HISTORY, history)}


def verdict(
    claimed: Claimed, low: float | None, high: float | None, people: int, minimum: int, days_left: int
) -> Verdict:
    """What a claim comes to.

    Args:
        claimed: On which side of which threshold.
        low: Lower end of the whole interval; None where it is not known.
        high: Upper end.
        people: How many it is of; of a comparison the smaller side.
        minimum: How many it takes.
        days_left: Until it is judged; 0 on that day.
    """
    if days_left > 0:
        return "not_judged_yet"
    if people < minimum or low is None or high is None:
        return "not_enough_people"
    if claimed.direction == "at_least":
        holds, refuted = low >= claimed.threshold, high < claimed.threshold
    else:
        holds, refuted = high <= claimed.threshold, low > claimed.threshold
    return "holds" if holds else "refuted" if refuted else "not_enough_people"


def people_needed(claimed: Claimed, value: float, low: float, high: float, people: int) -> int | None:
    """How many people it would take for an interval that ends at the threshold, were the estimate to stay.

    Intervals narrow with the root of the number of people. None where the estimate is the threshold itself, or where it
    would take more than a million times as many.
    """
    away = abs(value - claimed.threshold)
    reach = value - low if claimed.threshold < value else high - value
    if away == 0 or reach / away > 1000:
        return None
    return max(people, math.ceil(people * (reach / away) ** 2))


def _row(on: Scene, hypothesis: Hypothesis, metric: Metric) -> dict[str, Any]:
    sides = _sides(hypothesis)
    found, one, other = _found(on, hypothesis, metric, sides)
    people = one.people if other is None else min(one.people, other.people)
    low, high = found.whole
    days_left = (hypothesis.judged_on - on.as_of).days
    came_to = verdict(hypothesis.claimed, low, high, people, hypothesis.minimum_people, days_left)
    needed = None
    is_undecided = came_to == "not_enough_people" and people >= hypothesis.minimum_people
    if is_undecided and found.found.value is not None and low is not None and high is not None:
        needed = people_needed(hypothesis.claimed, found.found.value, low, high, people)
    return {
        "hypothesis": hypothesis.hypothesis,
        "claim": hypothesis.claim,
        "owner": hypothesis.owner,
        "metric": metric.metric,
        "claimed": f"{'difference ' if hypothesis.compare else ''}{hypothesis.claimed.text}",
        "threshold": hypothesis.claimed.threshold,
        "unit": unit_between(metric) if hypothesis.compare else metric.unit,
        "judged_on": hypothesis.judged_on,
        "verdict": came_to,
        "estimate": rounded(found.found.value),
        "low": rounded(low),
        "high": rounded(high),
        "estimate_certain": rounded(found.certain.value),
        "value_of_these": rounded(one.value) if hypothesis.compare else None,
        "value_of_those": rounded(other.value) if other else None,
        "people": one.people if one.value is not None else None,
        "people_of_those": other.people if other and other.value is not None else None,
        "minimum_people": hypothesis.minimum_people,
        "people_needed": needed,
        "refuted_if": hypothesis.refuted_if,
        "why": _why(came_to, found, people, hypothesis) or None,
        "answered_on": hypothesis.answer.answered_on if hypothesis.answer else None,
        "answer": hypothesis.answer.text if hypothesis.answer else None,
    }


Side = tuple[Population, ...]


def _sides(hypothesis: Hypothesis) -> tuple[Side, Side | None]:
    """The populations that people are of on either side; None for everybody else, or where nothing is compared."""
    if hypothesis.compare is None:
        return (hypothesis.population,), None
    these = (hypothesis.population, hypothesis.compare.these)
    those = hypothesis.compare.those
    return these, None if those is None else (hypothesis.population, those)


def _found(
    on: Scene, hypothesis: Hypothesis, metric: Metric, sides: tuple[Side, Side | None]
) -> tuple[Figure, Estimate, Estimate | None]:
    """The estimate by both readings, and of each side by all links."""
    these, those = sides
    if hypothesis.compare is None:
        found = figure(on, metric, *these)
        return found, found.found, None
    every = (metric.population, *_populations(hypothesis))
    lacking = on.lacks(*metric.measures, *every, *(done for each in every for done in behaviour(each)))
    if lacking:
        none = estimate.nothing(0, "not_computed")
        return Figure(none, none, lacking), none, none
    by_reading = {}
    for reading in READINGS:
        first = on.people(reading, metric.population, *these)
        second = on.people(reading, metric.population, *(those or (hypothesis.population,)))
        if those is None:
            second = np.setdiff1d(second, first, assume_unique=True)
        one, other = (a_person(metric, over(on, metric, side, reading, CONFIDENCE)) for side in (first, second))
        by_reading[reading] = (estimate.difference(one, other), one, other)
    difference, one, other = by_reading["all"]
    return Figure(difference, by_reading["certain"][0]), one, other


def _why(came_to: Verdict, found: Figure, people: int, hypothesis: Hypothesis) -> str:
    if found.why:
        return found.why
    if came_to == "not_judged_yet":
        return f"it is judged on {hypothesis.judged_on}"
    if came_to != "not_enough_people":
        return ""
    if people < hypothesis.minimum_people:
        side = " on the smaller side" if hypothesis.compare else ""
        return f"it takes {hypothesis.minimum_people} people{side}"
    return "its interval holds the threshold"


def _populations(hypothesis: Hypothesis) -> list[Population]:
    compare = hypothesis.compare
    more = [] if compare is None else [side for side in (compare.these, compare.those) if side is not None]
    return [hypothesis.population, *more]


HYPOTHESES = Measure(
    name="hypotheses",
    reads=tuple(dict.fromkeys((*IDENTITY, *gold()))),
    writes=(TABLE, HISTORY),
    compute=hypotheses,
)

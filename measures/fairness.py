"""Groups of people compared: each with all others, with the interval of the difference, or told to be too small.

The more groups are compared, the likelier one differs by chance. So the intervals of the groups of one column hold
together with 95 %: each is of a confidence of 1 - 0.05 / groups (Bonferroni).
"""

from typing import TYPE_CHECKING, Any

import numpy as np

from contracts.metric import ADDITIVE, FEWEST_SHOWN, Groups, Metric
from measures import estimate
from measures.estimate import CONFIDENCE, Estimate
from measures.figures import Scene, counted, over, rounded
from measures.metric_sql import Query, members, quoted

if TYPE_CHECKING:
    from numpy.typing import NDArray

    People = dict[str, NDArray[np.int64]]
    """The numbers of people, by group."""

POOLED = "(pooled)"
"""Groups that are too small to be shown, together."""


def compared(on: Scene, metric: Metric, wanted: Groups) -> list[dict[str, Any]]:
    """The rows of gold.metric_groups of one metric."""
    if on.lacks(*metric.measures, metric.population):
        return []
    rows: list[dict[str, Any]] = []
    for column in wanted.by:
        if column not in on.there["gold.profiles"]:
            continue
        groups = pooled(_groups(on, metric, column))
        confidence = 1 - (1 - CONFIDENCE) / max(1, len(groups))
        rows += [_row(on, metric, column, name, groups, confidence, wanted.minimum_people) for name in sorted(groups)]
    return rows


def pooled(groups: "People") -> "People":
    """Groups of at least five people; smaller ones together, with the smallest of the others where that is needed.

    Otherwise the figures of a small group were those of everybody less those of the groups that are shown.
    """
    kept = dict(sorted(groups.items(), key=lambda item: (len(item[1]), item[0])))
    small: list[NDArray[np.int64]] = []
    for name in list(kept):
        if len(kept[name]) < FEWEST_SHOWN or 0 < sum(map(len, small)) < FEWEST_SHOWN:
            small.append(kept.pop(name))
    if small:
        kept[POOLED] = np.sort(np.concatenate(small))
    return kept


def _groups(on: Scene, metric: Metric, column: str) -> "People":
    """The people of each value of a column whom the metric is of; who has no value is of no group."""
    query = members(metric.population, "all", on.as_of)
    sql = (
        f"SELECT m.person, p.{quoted(column)}::VARCHAR AS name FROM ({query.sql}) AS m "
        f"JOIN gold.profiles AS p USING (profile_id) WHERE p.{quoted(column)} IS NOT NULL ORDER BY m.person"
    )
    found = on.fetch(Query(sql, query.values))
    person, name = found["person"].astype(np.int64), found["name"].astype(str)
    of_metric = counted(on, metric)
    if of_metric is not None:
        chosen = np.isin(person, of_metric)
        person, name = person[chosen], name[chosen]
    return {str(value): person[name == value] for value in np.unique(name)}


def _row(
    on: Scene, metric: Metric, column: str, name: str, groups: "People", confidence: float, minimum: int
) -> dict[str, Any]:
    people = groups[name]
    others = [other for value, other in groups.items() if value != name]
    rest = np.sort(np.concatenate(others)) if others else np.array([], dtype=np.int64)
    one, other = (over(on, metric, members, "all", confidence) for members in (people, rest))
    one, other = a_person(metric, one), a_person(metric, other)
    found = estimate.difference(one, other)
    verdict = "too_few_to_say"
    if min(one.people, other.people) >= minimum and found.low is not None and found.high is not None:
        verdict = "differs" if found.low > 0 or found.high < 0 else "no_difference_known"
    shown = len(people) >= FEWEST_SHOWN
    worse = found.value is not None and (found.value < 0) == (metric.direction == "up") and found.value != 0
    return {
        "metric": metric.metric,
        "group_column": column,
        "group_value": name,
        "people": len(people) if shown else None,
        "people_of_others": len(rest) if len(rest) >= FEWEST_SHOWN else None,
        "value": rounded(one.value),
        "low": rounded(one.low),
        "high": rounded(one.high),
        "value_of_others": rounded(other.value),
        "difference": rounded(found.value),
        "difference_low": rounded(found.low),
        "difference_high": rounded(found.high),
        "confidence": rounded(confidence),
        "is_worse": worse if found.value is not None else None,
        "minimum_people": minimum,
        "verdict": verdict,
        "unit": unit_between(metric),
    }


def is_total(metric: Metric) -> bool:
    """Whether it grows with the number of people."""
    return metric.type == "simple" and metric.measures[0].agg in ADDITIVE


def a_person(metric: Metric, found: Estimate) -> Estimate:
    """A total as one for each person, so that groups of different size compare; any other metric as it is."""
    if not is_total(metric) or found.value is None:
        return found
    low, high = (None if end is None else end / found.people for end in (found.low, found.high))
    return Estimate(found.value / found.people, low, high, found.people, found.status, found.method)


def unit_between(metric: Metric) -> str:
    """The unit in which groups of people are compared."""
    return f"{metric.unit} per person" if is_total(metric) else metric.unit

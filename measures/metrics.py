"""Measure ``metrics``: every declared metric for the run's date, its interval, and what uncertain links do to it."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from contracts.metric import OF_OPS, Metric, Threshold
from lakehouse.schema import arrow_schema
from measures import readings
from measures.fairness import compared
from measures.figures import Figure, Scene, figure, rounded, scene, unsure_rows
from measures.measure import Measure
from measures.readings import IDENTITY, taken_apart

if TYPE_CHECKING:
    from contracts import Contracts
    from measures.measure import Asked

TABLE, GROUPS, HISTORY = "gold.metrics", "gold.metric_groups", "ops.metrics"


def metrics(asked: "Asked") -> Mapping[str, pa.Table]:
    """Every metric, and those with groups by group.

    Metrics of gold are in gold.metrics; those of operation, which runs' clocks decide, are in ops.metrics only.
    """
    declared = [metric for _, metric in sorted(asked.contracts.metrics.items())]
    if not declared:
        return {name: table_of(asked.contracts, name, []) for name in (TABLE, GROUPS, HISTORY)}
    on = scene(asked, declared)
    rows, groups = [], []
    for metric in declared:
        by_group = compared(on, metric, metric.groups) if metric.groups else []
        groups += by_group
        rows.append(_row(on, metric, by_group))
    of_gold = [row for row in rows if not asked.contracts.metrics[row["metric"]].is_of_operation]
    return {
        TABLE: table_of(asked.contracts, TABLE, of_gold),
        GROUPS: table_of(asked.contracts, GROUPS, groups),
        HISTORY: table_of(asked.contracts, HISTORY, [{**row, "as_of": asked.as_of} for row in rows]),
    }


def table_of(contracts: "Contracts", name: str, rows: Iterable[Mapping[str, Any]]) -> pa.Table:
    """Rows in the columns that a table declares."""
    return pa.Table.from_pylist([dict(row) for row in rows], schema=arrow_schema(contracts.table(name)))


METRICS = Measure(
    name="metrics",
    reads=tuple(dict.fromkeys((*IDENTITY, *readings.gold(), *OF_OPS))),
    writes=(TABLE, GROUPS, HISTORY),
    compute=metrics,
)


def _row(on: Scene, metric: Metric, groups: list[dict[str, Any]]) -> dict[str, Any]:
    found = figure(on, metric)
    (low_links, high_links), (whole_low, whole_high) = found.links, found.whole
    is_there = found.found.status != "not_computed"
    rows, nobody, unsure = unsure_rows(on, metric) if is_there else (None, None, None)
    is_of_people = not metric.is_of_operation
    verdict, because = _verdict(metric, found, groups)
    return {
        "metric": metric.metric,
        "kind": metric.kind,
        "value": rounded(found.found.value),
        "unit": metric.unit,
        "direction": metric.direction,
        "low": rounded(found.found.low),
        "high": rounded(found.found.high),
        "value_certain": rounded(found.certain.value) if is_of_people else None,
        "low_links": rounded(low_links) if is_of_people else None,
        "high_links": rounded(high_links) if is_of_people else None,
        "whole_low": rounded(whole_low),
        "whole_high": rounded(whole_high),
        "people": found.found.people if is_of_people and found.found.value is not None else None,
        "people_certain": found.certain.people if is_of_people and found.certain.value is not None else None,
        "rows": rows,
        "rows_of_nobody": nobody if is_of_people else None,
        "uncertain_share": rounded(unsure) if is_of_people else None,
        "is_taken_apart": is_of_people and all(taken_apart(measure, on.known) for measure in metric.measures),
        "status": found.found.status,
        "method": found.found.method,
        "guards": metric.guards,
        "threshold": _stands(metric) or None,
        "verdict": verdict,
        "why": "; ".join(filter(None, (found.why, because))) or None,
        "owner": metric.owner,
    }


def _stands(metric: Metric) -> str:
    """Where a guardrail stands, in words."""
    between = None if metric.groups is None else metric.groups.at_most
    parts = [
        metric.threshold.text if metric.threshold else "",
        f"between groups at most {between:g}" if between else "",
    ]
    return "; ".join(filter(None, parts))


def _verdict(metric: Metric, found: Figure, groups: list[dict[str, Any]]) -> tuple[str | None, str]:
    """What a guardrail comes to, and by what: ``kept``, ``broken`` or ``not_known``; None for another metric."""
    if metric.kind != "guardrail":
        return None, ""
    told = [] if metric.threshold is None else [_against(metric.threshold, found)]
    if metric.groups is not None and metric.groups.at_most is not None:
        told.append(_between(groups, metric.groups.at_most, metric.direction))
    return min(told, key=lambda one: ("broken", "not_known", "kept").index(one[0]))


def _against(threshold: Threshold, found: Figure) -> tuple[str, str]:
    """A threshold is broken where no reading and no interval keeps it, and kept where all do.

    Where no interval is known, what was counted decides.
    """
    if found.found.value is None:
        return "not_known", ""
    low, high = found.whole
    low, high = (found.found.value if low is None else low), (found.found.value if high is None else high)
    if threshold.at_most is not None:
        kept, broken = high <= threshold.at_most, low > threshold.at_most
    else:
        at_least = threshold.at_least or 0.0
        kept, broken = low >= at_least, high < at_least
    if kept or broken:
        return ("kept", "") if kept else ("broken", f"it is to be {threshold.text}")
    return "not_known", f"it is to be {threshold.text}, which lies within its interval"


def _between(groups: list[dict[str, Any]], at_most: float, direction: str) -> tuple[str, str]:
    """Broken where all of a difference's interval is worse by more, kept where none of any is."""
    broken, unsure = [], not groups
    for group in groups:
        name = f"{group['group_column']} {group['group_value']}"
        ends = group["difference_low"], group["difference_high"]
        if group["verdict"] == "too_few_to_say" or None in ends:
            unsure = True
            continue
        least, most = (-ends[1], -ends[0]) if direction == "up" else ends  # how much worse it is
        if least > at_most:
            broken.append(name)
        unsure = unsure or most > at_most
    if broken:
        return "broken", f"known to be worse by more than {at_most:g}: {', '.join(broken)}"
    return ("not_known", "groups are too small to tell that none is worse by more") if unsure else ("kept", "")

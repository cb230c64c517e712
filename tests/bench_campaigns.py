"""The real campaigns measured whole: how long it takes, what comes out, and how often an interval holds the truth."""

import time
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from measures.campaigns.balancing import effective, entropy_weights
from measures.campaigns.comparison import difference, match
from measures.campaigns.registered import CAMPAIGN_MEASURES
from tests.real_campaigns import real

RUNS = 2000
CASES = (  # people, how many are mailed (log odds), how strongly by what they buy, covariates
    (2000, -2.5, 0.5, 8),
    (2000, -0.3, 1.0, 8),
    (2000, -4.2, 0.5, 8),
    (400, -1.0, 0.7, 8),
    (2000, -0.3, 1.5, 20),
)


def section() -> str:
    """The section of docs/benchmarks.md."""
    asked = real(lines=True)
    lines = [
        "## Campaigns",
        "",
        "27 campaigns, 6,589 mailings, 2,102 redemptions and 1.47 million purchase lines of 2,469 households, each",
        "a person, in DuckDB's memory. Wanted for all measures of campaigns together: 15 s.",
        "",
        "| what | seconds |",
        "| --- | ---: |",
    ]
    tables: dict[str, Any] = {}
    for measure in CAMPAIGN_MEASURES:
        began = time.monotonic()
        tables |= measure.compute(asked)
        lines.append(f"| {measure.name} | {time.monotonic() - began:.1f} |")
    lines += ["", *_lifts(tables["gold.campaign_lift"].to_pylist()), "", *_coverage()]
    return "\n".join(lines)


def _lifts(rows: list[dict[str, Any]]) -> list[str]:
    lines = [
        "US dollars a person and week, with 95 % intervals. Naive: the mailed less all others in the same weeks.",
        "",
        "| campaign | from | mailed | naive | lift | placebo | verdict | finding |",
        "| --- | --- | ---: | ---: | --- | --- | --- | --- |",
    ]
    spend = [row for row in rows if row["outcome"] == "spend"]
    for row in sorted(spend, key=lambda row: (row["campaign_id"] == "all", row["starts"], row["campaign_id"])):
        naive = "" if row["mailed_during"] is None else f"{row['mailed_during'] - row['others_during']:+.1f}"
        told = [row["campaign_id"], str(row["starts"]), f"{row['people_mailed'] or 0:,}", naive, _interval(row, "lift")]
        lines.append(f"| {' | '.join([*told, _interval(row, 'placebo'), row['verdict'], row['finding']])} |")
    return lines


def _interval(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return "not known"
    return f"{row[name]:+.1f} ({row[f'{name}_low']:+.1f} to {row[f'{name}_high']:+.1f})"


def _coverage() -> list[str]:
    lines = [
        f"How often the 95 % interval held a known lift in {RUNS:,} simulated campaigns, whose people were chosen by",
        "what they buy, and whose spend has heavy tails (Student's, 5 degrees of freedom) that grow with it.",
        "",
        "| people | mailed | as many beside them | covariates | held | bias, in standard errors |",
        "| ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    with threadpool_limits(limits=1):
        for people, base, strength, covariates in CASES:
            draw = np.random.default_rng(1)
            found = np.array([_one(draw, people, base, strength, covariates) for _ in range(RUNS)])
            held, error, mailed, beside = found.mean(axis=0)
            bias = error / found[:, 1].std()
            lines.append(f"| {people:,} | {mailed:.0f} | {beside:.0f} | {covariates} | {held:.1%} | {bias:+.2f} |")
    return lines


def _one(draw: np.random.Generator, people: int, base: float, strength: float, covariates: int) -> tuple[float, ...]:
    """One campaign with a lift of 3: whether the interval held it, the error, the mailed, and those beside them."""
    rates = draw.gamma(3, 10, people)
    seen = np.column_stack([rates * draw.gamma(20, 0.05, people), np.log1p(rates)])
    seen = np.column_stack([seen, draw.normal(size=(people, covariates - 2))])
    alike = (seen - seen.mean(axis=0)) / seen.std(axis=0)
    is_mailed = draw.random(people) < 1 / (1 + np.exp(-(base + strength * alike[:, 0] + 0.3 * alike[:, 2])))
    noise = 0.3 * seen[:, 0] * draw.standard_t(5, people)
    outcome = 0.1 * seen[:, 0] + 2 * seen[:, 2] + noise + 3.0 * is_mailed
    mailed, others = seen[is_mailed], seen[~is_mailed]
    weights = entropy_weights(mailed, others)
    made = difference(match(mailed, others, weights), outcome[is_mailed], outcome[~is_mailed]).interval
    return float(made.low <= 3 <= made.high), made.estimate - 3, float(is_mailed.sum()), effective(weights)

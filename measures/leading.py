"""Leading indicators: whether an early sign foretells an outcome, for the people who were followed long enough.

The lift is the difference of two shares, with Newcombe's hybrid score interval (R. G. Newcombe, "Interval estimation
for the difference between independent proportions", Statistics in Medicine 17, 1998, method 10). It says what goes
with what, not what brings what about.
"""

import datetime
from typing import TYPE_CHECKING, Any

from contracts.journey import Indicator
from contracts.metric import FEWEST_SHOWN
from measures.measure import Asked, Measure

if TYPE_CHECKING:
    import pyarrow as pa

TABLE = "gold.leading_indicators"
LEAST = 20
"""Fewer people on one side say nothing."""
CONFIDENCE = 0.95
_FOLLOWED = """
    SELECT
        count(*) FILTER (early), count(*) FILTER (early AND reached),
        count(*) FILTER (NOT early), count(*) FILTER (NOT early AND reached)
    FROM (
        SELECT
            EXISTS (
                SELECT 1 FROM gold.signals AS g WHERE g.profile_id = b.profile_id AND g.signal = $signal
                AND g.occurred_at > b.began AND g.occurred_at <= b.began + to_days($early)
            ) AS early,
            coalesce(o.entered_at <= b.began + to_days($early + $late), false) AS reached
        FROM (
            SELECT profile_id, min(entered_at) AS began FROM gold.journey_stages
            WHERE journey = $journey AND stage = $from_stage GROUP BY profile_id
        ) AS b
        LEFT JOIN (
            SELECT profile_id, entered_at FROM gold.journey_stages WHERE journey = $journey AND stage = $outcome
        ) AS o ON o.profile_id = b.profile_id AND o.entered_at > b.began
        WHERE b.began + to_days($early + $late) < $horizon
        QUALIFY row_number() OVER (PARTITION BY b.profile_id ORDER BY o.entered_at NULLS LAST) = 1
            AND coalesce(o.entered_at > b.began + to_days($early), true)
    )
"""
"""Who had the outcome before the early days were over is left out: nothing is foretold of them."""


def compute(asked: Asked) -> "dict[str, pa.Table]":
    """One row per declared indicator, in the order of journeys and names."""
    import pyarrow as pa

    from lakehouse.schema import arrow_schema

    rows = [
        _row(asked, name, indicator)
        for name, journey in sorted(asked.contracts.journeys.items())
        for indicator in sorted(journey.indicators, key=lambda item: item.indicator)
    ]
    return {TABLE: pa.Table.from_pylist(rows, schema=arrow_schema(asked.contracts.table(TABLE)))}


def _row(asked: Asked, journey: str, indicator: Indicator) -> dict[str, Any]:
    return {
        "journey": journey,
        "indicator": indicator.indicator,
        "claim": indicator.claim,
        "signal": indicator.signal,
        "outcome": indicator.outcome,
    } | judged(*followed(asked, journey, indicator))


def followed(asked: Asked, journey: str, indicator: Indicator) -> tuple[int, int, int, int]:
    """People with the sign, how many of them reached the outcome, and the same of those without it."""
    horizon = datetime.datetime.combine(asked.as_of + datetime.timedelta(1), datetime.time(), datetime.UTC)
    (counts,) = asked.connection.execute(
        _FOLLOWED,
        {
            "signal": indicator.signal,
            "early": indicator.within_days,
            "late": indicator.outcome_within_days,
            "journey": journey,
            "from_stage": indicator.from_stage,
            "outcome": indicator.outcome,
            "horizon": horizon,
        },
    ).fetchall()
    return counts


def judged(people_with: int, reached_with: int, people_without: int, reached_without: int) -> dict[str, Any]:
    """What the counts of both sides say: shares, lift with its interval, and a verdict."""
    row: dict[str, Any] = {"people_with": people_with, "people_without": people_without}
    if min(people_with, people_without) < LEAST:
        counts = {name: None if 0 < count < FEWEST_SHOWN else count for name, count in row.items()}
        nothing = ("reached_with", "reached_without", "share_with", "share_without", "lift", "lift_low", "lift_high")
        return counts | dict.fromkeys(nothing) | {"verdict": "too_few"}
    row |= {
        "reached_with": None if 0 < reached_with < FEWEST_SHOWN else reached_with,
        "reached_without": None if 0 < reached_without < FEWEST_SHOWN else reached_without,
        "share_with": round(reached_with / people_with, 4),
        "share_without": round(reached_without / people_without, 4),
    }
    from statsmodels.stats.proportion import confint_proportions_2indep

    low, high = confint_proportions_2indep(
        reached_with, people_with, reached_without, people_without, method="newcomb", alpha=1 - CONFIDENCE
    )
    verdict = "foretells_more" if low > 0 else "foretells_less" if high < 0 else "no_difference_known"
    return row | {
        "lift": round(reached_with / people_with - reached_without / people_without, 4),
        "lift_low": round(float(low), 4),
        "lift_high": round(float(high), 4),
        "verdict": verdict,
    }


LEADING = Measure("leading indicators", ("gold.journey_stages", "gold.signals"), (TABLE,), compute)

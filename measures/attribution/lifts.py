"""Measured lifts, from wherever they are: declared ones, and those of the tables of experiments and campaigns.

The tables of experiments and campaigns are taken as they are found: where one is not there, or has not the columns that
are needed, it tells of no lift. What they do not believe themselves is no measurement here.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from contracts.lift import METHODS
from measures.campaigns.windows import MAILED

if TYPE_CHECKING:
    import duckdb

    from contracts import Contracts
    from contracts.attribution import Attribution
    from contracts.lift import Lift, Method

CAMPAIGN_LIFT = "gold.campaign_lift"
EXPERIMENTS = "gold.experiment_results"
LEVEL = 0.95
"""Of the intervals of campaigns, and of whatever says nothing of it."""


@dataclass(frozen=True)
class Measured:
    """What a channel, or a campaign of it, was measured to add in a period.

    Attributes:
        name: Of the measurement.
        method: One of ``contracts.lift.METHODS``.
        campaign: None where the whole channel was measured.
        since: First day.
        until: Last day.
        value: In the unit of the outcome's value, with its interval.
        level: Of the interval. One that is valid at every look is wider than one of its level that is looked at once:
            its measurement weighs less, never more.
    """

    name: str
    method: "Method"
    channel: str
    campaign: str | None
    since: datetime.date
    until: datetime.date
    value: Decimal
    low: Decimal
    high: Decimal
    level: float = LEVEL


def measured(connection: "duckdb.DuckDBPyConnection", contracts: "Contracts", as_of: datetime.date) -> list[Measured]:
    """Every measured lift, sorted, one for each channel or campaign and period: the best by its method.

    Of two by one method, the one with the narrower interval.
    """
    found = [_declared(lift) for lift in contracts.lifts.values() if lift.until <= as_of]
    if contracts.attribution is not None:
        found += [
            *_of_campaigns(connection, contracts.attribution, as_of),
            *_of_experiments(connection, contracts, contracts.attribution, as_of),
        ]
    best: dict[tuple[str, str, datetime.date, datetime.date], Measured] = {}
    for lift in sorted(found, key=lambda lift: (METHODS.index(lift.method), lift.high - lift.low, lift.name)):
        best.setdefault((lift.channel, lift.campaign or "", lift.since, lift.until), lift)
    return [best[key] for key in sorted(best)]


def _declared(lift: "Lift") -> Measured:
    return Measured(
        lift.lift, lift.method, lift.channel, lift.campaign, lift.since, lift.until,
        lift.incremental_value, lift.low, lift.high, lift.level,
    )  # fmt: skip


def _of_campaigns(
    connection: "duckdb.DuckDBPyConnection", declared: "Attribution", as_of: datetime.date
) -> Iterator[Measured]:
    """What mailed people spent more than people like them, of each campaign whose comparison is plausible.

    A campaign that still runs is measured until the run's date. All campaigns together have no such sum.
    """
    mailed = (name for name, rule in declared.channels.items() if rule.campaigns and MAILED in rule.kinds)
    channel = next(mailed, None)
    if channel is None or not _columns(connection, CAMPAIGN_LIFT) >= _OF_CAMPAIGNS:
        return
    rows = connection.execute(
        f"""SELECT campaign_id, starts, least(ends, ?), extra, extra_low, extra_high FROM {CAMPAIGN_LIFT}
            WHERE outcome = 'spend' AND verdict = 'plausible' AND extra IS NOT NULL AND extra_low IS NOT NULL
              AND extra_high IS NOT NULL AND campaign_id <> 'all' AND starts <= ? ORDER BY ALL""",
        [as_of, as_of],
    ).fetchall()
    for campaign, since, until, *value in rows:
        extra, low, high = map(_cents, value)
        yield Measured(f"campaign {campaign}", "matched", channel, campaign, since, until, extra, low, high)


def _of_experiments(
    connection: "duckdb.DuckDBPyConnection", contracts: "Contracts", declared: "Attribution", as_of: datetime.date
) -> Iterator[Measured]:
    """What an arm of an experiment that attribution names brought more than its control, over the people of the arm."""
    if not declared.experiments or not _columns(connection, EXPERIMENTS) >= _OF_EXPERIMENTS:
        return
    from measures.experiments.verdicts import alpha_of

    for name, told in declared.experiments.items():
        if told.until > as_of:
            continue
        experiment = contracts.experiments.get(name)
        level = 1 - alpha_of(experiment) if experiment is not None else LEVEL
        rows = connection.execute(
            f"""SELECT people * CASE WHEN decided_by LIKE 'adjusted%' THEN adjusted_difference ELSE difference END,
                       people * CASE decided_by WHEN 'fixed' THEN low WHEN 'always_valid' THEN always_low
                           WHEN 'adjusted_fixed' THEN adjusted_low ELSE adjusted_always_low END,
                       people * CASE decided_by WHEN 'fixed' THEN high WHEN 'always_valid' THEN always_high
                           WHEN 'adjusted_fixed' THEN adjusted_high ELSE adjusted_always_high END
                FROM {EXPERIMENTS}
                WHERE experiment = ? AND arm = ? AND role = 'primary' AND is_over AND has_sample_ratio
                  AND verdict IN ('wins', 'loses', 'no_difference_known')""",
            [name, told.arm],
        ).fetchall()
        for value in rows:
            if None not in value:
                extra, low, high = map(_cents, value)
                yield Measured(name, told.method, told.channel, None, told.since, told.until, extra, low, high, level)


def _columns(connection: "duckdb.DuckDBPyConnection", table: str) -> set[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema || '.' || table_name = ?", [table]
    ).fetchall()
    return {name for (name,) in rows}


def _cents(value: float | Decimal) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


_OF_CAMPAIGNS = frozenset({"campaign_id", "outcome", "verdict", "starts", "ends", "extra", "extra_low", "extra_high"})
_OF_EXPERIMENTS = frozenset(
    {
        "experiment", "arm", "role", "people", "is_over", "has_sample_ratio", "verdict", "decided_by", "difference",
        "low", "high", "always_low", "always_high", "adjusted_difference", "adjusted_low", "adjusted_high",
        "adjusted_always_low", "adjusted_always_high",
    }
)  # fmt: skip

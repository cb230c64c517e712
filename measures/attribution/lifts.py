"""Measured lifts, from wherever they are: declared ones, and those of the tables of experiments and campaigns.

The tables of experiments and campaigns are taken as they are found: where one is not there, or has not the columns that
say what is needed, it tells of no lift.
"""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from contracts.lift import METHODS

if TYPE_CHECKING:
    import duckdb

    from contracts import Contracts
    from contracts.lift import Lift

CAMPAIGN_LIFT = "gold.campaign_lift"
EXPERIMENTS = "gold.experiment_results"


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
    """

    name: str
    method: str
    channel: str
    campaign: str | None
    since: datetime.date
    until: datetime.date
    value: Decimal
    low: Decimal
    high: Decimal


def measured(connection: "duckdb.DuckDBPyConnection", contracts: "Contracts") -> list[Measured]:
    """Every measured lift, sorted, one for each channel or campaign and period: the best by its method.

    Of two by one method, the one with the narrower interval.
    """
    found = [*(_declared(lift) for lift in contracts.lifts.values()), *_from_tables(connection, contracts)]
    best: dict[tuple[str, str, datetime.date, datetime.date], Measured] = {}
    for lift in sorted(found, key=lambda lift: (METHODS.index(lift.method), lift.high - lift.low, lift.name)):
        best.setdefault((lift.channel, lift.campaign or "", lift.since, lift.until), lift)
    return [best[key] for key in sorted(best)]


def _declared(lift: "Lift") -> Measured:
    return Measured(
        lift.lift, lift.method, lift.channel, lift.campaign, lift.since, lift.until,
        lift.incremental_value, lift.low, lift.high,
    )  # fmt: skip


@dataclass(frozen=True)
class Told:
    """How a table tells lifts: SQL for each field, over its columns, and the columns without which it tells none."""

    table: str
    fields: Mapping[str, str]
    where: str
    needs: frozenset[str]


def _from_tables(connection: "duckdb.DuckDBPyConnection", contracts: "Contracts") -> Iterable[Measured]:
    declared = contracts.attribution
    for told in TOLD:
        if declared is None or not told.needs <= _columns(connection, told.table):
            continue
        fields = ", ".join(f"{told.fields[name]} AS {name}" for name in _FIELDS)
        for row in connection.execute(f"SELECT {fields} FROM {told.table} WHERE {told.where} ORDER BY ALL").fetchall():
            name, method, channel, campaign, since, until, *value = row
            if channel in declared.channels and method in METHODS and None not in (since, until, *value):
                yield Measured(name, method, channel, campaign, since, until, *(_cents(each) for each in value))


def _columns(connection: "duckdb.DuckDBPyConnection", table: str) -> set[str]:
    rows = connection.execute(
        "SELECT column_name FROM information_schema.columns WHERE table_schema || '.' || table_name = ?", [table]
    ).fetchall()
    return {name for (name,) in rows}


def _cents(value: float | Decimal) -> Decimal:
    return Decimal(str(value)).quantize(Decimal("0.01"))


_FIELDS = ("name", "method", "channel", "campaign", "since", "until", "value", "low", "high")
TOLD = (
    Told(
        CAMPAIGN_LIFT,
        {
            "name": "'campaign ' || campaign_id",
            "method": "'matched'",
            "channel": "'email_sent'",
            "campaign": "campaign_id",
            "since": "CAST(since AS DATE)",
            "until": "CAST(until AS DATE)",
            "value": "incremental_value",
            "low": "incremental_low",
            "high": "incremental_high",
        },
        "incremental_value IS NOT NULL",
        frozenset({"campaign_id", "since", "until", "incremental_value", "incremental_low", "incremental_high"}),
    ),
)

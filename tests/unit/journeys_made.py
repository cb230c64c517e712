"""Touchpoints and orders in DuckDB from a few words, for tests of attribution."""

import copy
import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa

from contracts import Contracts
from contracts.attribution import Attribution
from measures.attribution.tables import compute
from measures.measure import Asked

IN_USE = Contracts()
AS_OF = dt.date(2017, 12, 31)
FIRST = dt.datetime(2017, 6, 1, tzinfo=dt.UTC)
EMAIL, WEB, APP = "email_sent", "web", "app"
CHANNELS = {
    EMAIL: {
        "channel": "email",
        "direction": "outbound",
        "kinds": ["email_delivered"],
        "campaigns": True,
    },
    WEB: {"channel": "web", "direction": "inbound", "kinds": ["visit"]},
    APP: {"channel": "app", "direction": "inbound", "kinds": ["visit"]},
}

Touch = tuple[str, float, str] | tuple[str, float, str, str]
"""Who, days after the first of June, channel; and campaign."""
Order = tuple[str | None, float, str]
"""Who, days after the first of June, value."""


def declared(**changes: Any) -> Attribution:
    """How credit is given, of three channels: a lookback of 30 days, a half-life of 7."""
    given: dict[str, Any] = {
        "version": "1-0-0",
        "owner": "marketing",
        "why": "to be tested",
        "outcome": {"table": "gold.orders", "person": "profile_id", "at": "ordered_at", "value": "sales_value"},
        "lookback_days": 30,
        "half_life_days": 7,
        "position": {"first": 0.4, "last": 0.4},
        "channels": {name: rule | {"about": "to be tested"} for name, rule in CHANNELS.items()},
    }
    return Attribution.model_validate(given | changes)


def contracts_with(attribution: Attribution | None, *lifts: Any) -> Contracts:
    """The declarations in use, with another attribution and other lifts."""
    assert IN_USE.tables, "they are read once, and not for every copy"
    contracts = copy.copy(IN_USE)
    contracts.__dict__["attribution"] = attribution
    contracts.__dict__["lifts"] = {lift.lift: lift for lift in lifts}
    return contracts


def marts(touches: Iterable[Touch], orders: Iterable[Order]) -> duckdb.DuckDBPyConnection:
    """A connection with gold.touchpoints and gold.orders."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("CREATE SCHEMA gold")
    connection.execute(
        "CREATE TABLE gold.touchpoints (touchpoint_id VARCHAR, profile_id VARCHAR, channel VARCHAR, direction VARCHAR, "
        "kind VARCHAR, subject_id VARCHAR, occurred_at TIMESTAMPTZ)"
    )
    connection.execute(
        "CREATE TABLE gold.orders (order_id VARCHAR, profile_id VARCHAR, sales_value DECIMAL(18, 2), "
        "ordered_at TIMESTAMPTZ)"
    )
    sent = []
    for number, (who, day, channel, *campaign) in enumerate(touches):
        rule = CHANNELS[channel]
        kind = (rule["channel"], rule["direction"], rule["kinds"][0])
        sent.append((f"t{number:04}", who, *kind, campaign[0] if campaign else None, _at(day)))
    bought = [(f"o{n:04}", buyer, Decimal(value), _at(day)) for n, (buyer, day, value) in enumerate(orders)]
    for table, rows in (("touchpoints", sent), ("orders", bought)):
        names = [name for name, *_ in connection.execute(f"DESCRIBE gold.{table}").fetchall()]
        if rows:
            connection.register(
                "given", pa.table({n: list(v) for n, v in zip(names, zip(*rows, strict=True), strict=True)})
            )
            connection.execute(f"INSERT INTO gold.{table} FROM given")
            connection.unregister("given")
    return connection


def _at(day: float) -> dt.datetime:
    return FIRST + dt.timedelta(days=day)


def people(count: int, touches: Iterable[Touch], orders: Iterable[Order]) -> tuple[list[Touch], list[Order]]:
    """The same for so many people, since what fewer than five do is not told."""
    touches, orders = list(touches), list(orders)
    numbers = range(count)
    return (
        [(f"{who}{n}", *rest) for n in numbers for who, *rest in touches],  # type: ignore[misc]
        [(who and f"{who}{n}", day, value) for n in numbers for who, day, value in orders],
    )


def credited(
    touches: Iterable[Touch],
    orders: Iterable[Order],
    attribution: Attribution | None = None,
    lifts: Iterable[Any] = (),
    as_of: dt.date = AS_OF,
) -> dict[str, list[dict[str, Any]]]:
    """The rows of both tables."""
    with marts(touches, orders) as connection:
        found = compute(Asked(connection, contracts_with(attribution or declared(), *lifts), as_of))
        return {name: table.to_pylist() for name, table in found.items()}


def values(
    rows: Iterable[dict[str, Any]], model: str, level: str = "channel", period: str = "all"
) -> dict[str, Decimal]:
    """The value of each channel by a model, or of each campaign of e-mail."""
    return {
        row["channel"] if level == "channel" else f"{row['channel']} {row['campaign']}": row["value"]
        for row in rows
        if (row["model"], row["level"], row["period"]) == (model, level, period)
    }

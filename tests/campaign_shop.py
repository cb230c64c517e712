"""A shop as its gold tables, written in a test: who bought what and when, who was mailed, who redeemed."""

import datetime as dt
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pandas as pd

from contracts import Contracts
from contracts.campaigns import Campaign, Campaigns
from measures.measure import Asked

DAY_ONE = dt.date(2017, 1, 1)
"""The first day of every shop's data: a Sunday."""


def day(number: int) -> dt.date:
    """The day so many days after the first."""
    return DAY_ONE + dt.timedelta(number)


@dataclass
class Shop:
    """What happened. Days are counted from the first day of the data."""

    orders: list[tuple[str, int, float]] = field(default_factory=list)
    lines: list[tuple[str, int, float, str, float]] = field(default_factory=list)
    """Profile, day, paid, category, and the coupon's discount."""
    mailings: list[tuple[str, str, int]] = field(default_factory=list)
    redemptions: list[tuple[str, str, int]] = field(default_factory=list)
    profiles: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    """Age band and income band of a profile."""
    stages: list[tuple[str, str, int]] = field(default_factory=list)
    campaigns: list[tuple[str, int, int]] = field(default_factory=list)
    """Declared: name, first and last day."""

    def weekly(self, profile: str, spend: float, weeks: range) -> None:
        """Let somebody buy once a week, on the first day of each of these weeks."""
        self.orders += [(profile, 7 * week, spend) for week in weeks]

    def asked(self, as_of: int, shuffled: int | None = None, renamed: dict[str, str] | None = None) -> Asked:
        """What a measure is given on a day.

        Args:
            as_of: The run's date.
            shuffled: A seed by which the rows are put into another order.
            renamed: Profiles that became another: what resolving identities anew does.
        """
        name = (renamed or {}).get

        def rows(found: list[Any]) -> list[Any]:
            found = list(found)
            if shuffled is not None:
                random.Random(shuffled).shuffle(found)
            return found

        connection = duckdb.connect()
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE SCHEMA gold")
        self._orders(connection, rows, name)
        self._events(connection, rows, name)
        people = {name(p, p): bands for p, bands in self.profiles.items()}
        _table(
            connection, "gold.profiles", "profile_id VARCHAR, age_band VARCHAR, income_band VARCHAR",
            rows([(p, *bands) for p, bands in people.items()]), ", NULL::VARCHAR AS household_size",
        )  # fmt: skip
        _table(
            connection, "gold.journey_stages", "profile_id VARCHAR, stage VARCHAR, entered_at TIMESTAMPTZ",
            rows([(name(p, p), stage, _at(on)) for p, stage, on in self.stages]), ", 'shopping' AS journey",
        )  # fmt: skip
        contracts = Contracts()
        dated = tuple(Campaign(campaign_id=c, starts=day(a), ends=day(b)) for c, a, b in self.campaigns)
        contracts.__dict__["campaigns"] = Campaigns(version="1-0-0", owner="test", why="a test", campaigns=dated)
        return Asked(connection, contracts, day(as_of))

    def _orders(self, connection: duckdb.DuckDBPyConnection, rows: Callable[..., Any], name: Any) -> None:
        sold = [(f"o{n}", name(p, p), spend, 0.0, 0.0, _at(on)) for n, (p, on, spend) in enumerate(self.orders)]
        _table(
            connection, "gold.orders",
            "order_id VARCHAR, profile_id VARCHAR, sales_value DECIMAL(18, 2), coupon_discount DECIMAL(18, 2),"
            " coupon_match_discount DECIMAL(18, 2), ordered_at TIMESTAMPTZ",
            rows(sold),
        )  # fmt: skip

    def _events(self, connection: duckdb.DuckDBPyConnection, rows: Callable[..., Any], name: Any) -> None:
        told: list[tuple[str, str, dt.datetime, dict[str, str]]] = []
        for campaign, p, on in self.mailings:
            told.append(("email_delivered", name(p, p), _at(on), {"campaign_id": campaign, "campaign_type": "Type A"}))
        for campaign, p, on in self.redemptions:
            told.append(("coupon_redeemed", name(p, p), _at(on), {"campaign_id": campaign}))
        for p, on, paid, category, coupon in self.lines:
            properties = {"sales_value": str(paid), "product_category": category, "department": category,
                          "coupon_disc": str(coupon), "coupon_match_disc": "0", "retail_disc": "0"}  # fmt: skip
            told.append(("item_purchased", name(p, p), _at(on), properties))
        parts = [(event, p, at, list(held), list(held.values())) for event, p, at, held in rows(told)]
        _table(
            connection, "gold.told",
            "event VARCHAR, profile_id VARCHAR, occurred_at TIMESTAMPTZ, names VARCHAR[], said VARCHAR[]", parts,
        )  # fmt: skip
        connection.execute(
            "CREATE VIEW gold.events AS SELECT event, profile_id, occurred_at, map(names, said) AS properties"
            " FROM gold.told"
        )


def _at(number: int) -> dt.datetime:
    return dt.datetime.combine(day(number), dt.time(12), dt.UTC)


def _table(connection: duckdb.DuckDBPyConnection, name: str, columns: str, rows: list[Any], more: str = "") -> None:
    fields = [column.strip().split(" ", 1) for column in columns.replace("(18, 2)", "(18;2)").split(",")]
    names = [field[0] for field in fields]
    typed = ", ".join(f"CAST({field[0]} AS {field[1].replace(';', ', ')}) AS {field[0]}" for field in fields)
    frame = (
        pd.DataFrame(rows, columns=names) if rows else pd.DataFrame({each: pd.Series(dtype=object) for each in names})
    )
    connection.register("given_rows", frame)
    connection.execute(f"CREATE TABLE {name} AS SELECT {typed}{more} FROM given_rows")
    connection.unregister("given_rows")

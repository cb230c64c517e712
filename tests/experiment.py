"""Experiments and gold events as tests need them, in a few words."""

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from contracts import Contracts
from contracts.experiment import Experiment
from contracts.table import Table
from measures.experiments.results import compute
from measures.measure import Asked

START = dt.datetime(2017, 3, 1, tzinfo=dt.UTC)
DECLARED: dict[str, Any] = {
    "experiment": "tried", "version": "1-0-0", "owner": "web_team", "status": "running",
    "hypothesis": "more of this makes more of that", "why": "to know it", "starts_on": "2017-03-01",
    "ends_on": "2017-03-31", "seed": "tried", "hash_attribute": "user_id", "arms": {"control": 0.5, "treatment": 0.5},
    "control": "control",
    "primary": {"event": "product_viewed", "aggregate": "count", "window_days": 7, "direction": "up"},
    "minimum_effect": 0.1, "at_least": 30, "stop": {"rule": "fixed_horizon"}, "on_merge": "exclude",
}  # fmt: skip
SEQUENTIAL = {"rule": "sequential", "tuned_for": 200}
Rows = list[dict[str, Any]]


def declared(**changed: Any) -> Experiment:
    """An experiment of March 2017 with two arms, with some fields changed; of unequal arms nobody is excluded."""
    made = DECLARED | changed
    rule = {} if len(set(made["arms"].values())) == 1 else {"on_merge": "first_exposure"}
    return Experiment.model_validate(DECLARED | rule | changed)


def users(experiment: Experiment, arm: str, count: int) -> list[str]:
    """The first so many of user-0, user-1 … that are in an arm."""
    found: list[str] = []
    number = 0
    while len(found) < count:
        if experiment.arm_of(f"user-{number}") == arm:
            found.append(f"user-{number}")
        number += 1
    return found


def event(
    name: str, profile: str | None, day: float, user: str | None = None, properties: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """An event so many days after the start of March; without a user it is of an anonymous visit."""
    at = START + dt.timedelta(days=day)
    told = dict(properties or {})
    key = f"{name}:{profile}:{day}:{user}:{sorted(told.items())}"
    return {
        "event_id": key, "event": name, "profile_id": profile, "user_id": user, "anonymous_id": None,
        "occurred_at": at, "properties": told,
    }  # fmt: skip


def viewed(
    profile: str, user: str | None, arm: str, day: float = 1, experiment: str = "tried", **more: str
) -> dict[str, Any]:
    """That a person was shown an arm."""
    properties = {"experiment_id": experiment, "variation_id": arm, **more}
    return event("experiment_viewed", profile, day, user, properties)


def lake_of(
    events: Iterable[dict[str, Any]],
    profiles: Mapping[str, str | None] | None = None,
    history: Iterable[tuple[str, int, str, str | None]] = (),
) -> duckdb.DuckDBPyConnection:
    """A connection with the tables that the measure reads.

    Args:
        events: Made by ``event`` and ``viewed``.
        profiles: The country of each; without it every profile of an event, of the US.
        history: Record, revision, since when it was known, and the profile.
    """
    rows = list(events)
    connection = duckdb.connect()
    connection.execute("set timezone = 'UTC'")
    connection.execute("create schema gold")
    connection.execute("create schema identity")
    connection.execute(
        """create table gold.events (event_id varchar, event varchar, profile_id varchar, user_id varchar,
            anonymous_id varchar, occurred_at timestamptz, properties map(varchar, varchar))"""
    )
    connection.execute("create table gold.profiles (profile_id varchar, country varchar)")
    connection.execute(
        """create table identity.history (record_id varchar, revision int, true_from timestamptz, known_since date,
            profile_id varchar)"""
    )
    schema = pa.schema(
        [(name, pa.string()) for name in ("event_id", "event", "profile_id", "user_id", "anonymous_id")]
        + [("occurred_at", pa.timestamp("us", "UTC")), ("properties", pa.map_(pa.string(), pa.string()))]
    )
    told = pa.Table.from_pylist([row | {"properties": list(row["properties"].items())} for row in rows], schema=schema)
    connection.register("told", told)
    connection.execute("insert into gold.events select * from told")
    known = {row["profile_id"]: "US" for row in rows if row["profile_id"]} if profiles is None else profiles
    for profile, country in sorted(known.items()):
        connection.execute("insert into gold.profiles values (?, ?)", [profile, country])
    for record, revision, since, profile in history:
        connection.execute(
            "insert into identity.history values (?, ?, ?::date::timestamptz, ?::date, ?)",
            [record, revision, since, since, profile],
        )
    return connection


@cache
def _tables() -> dict[str, Table]:
    return Contracts().tables


def measured(
    connection: duckdb.DuckDBPyConnection, *experiments: Experiment, as_of: str = "2017-12-31"
) -> dict[str, Rows]:
    """The rows of the four tables, by name without ``gold.experiment_``."""
    contracts = Contracts()
    contracts.__dict__ |= {"tables": _tables(), "experiments": {one.name: one for one in experiments}}
    found = compute(Asked(connection, contracts, dt.date.fromisoformat(as_of)))
    return {name.removeprefix("gold.experiment_"): table.to_pylist() for name, table in found.items()}

"""Leading indicators: the counts by eye, the interval by the paper's own table, and no word about too few people."""

import datetime as dt
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from contracts import Contracts
from contracts.journey import Indicator
from measures.leading import compute, followed, judged
from measures.measure import Asked

DAY = dt.datetime(2017, 1, 1, tzinfo=dt.UTC)
INDICATOR = Indicator(
    indicator="early_login", claim="Who logs in early buys", from_stage="onboarding", signal="logged",
    within_days=7, outcome="value", outcome_within_days=30,
)  # fmt: skip


def after(days: float) -> dt.datetime:
    return DAY + dt.timedelta(days=days)


def asked(stages: list[tuple[str, str, dt.datetime]], signals: list[tuple[str, str, dt.datetime]]) -> Asked:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'UTC'; CREATE SCHEMA gold")
    connection.execute(
        "CREATE TABLE gold.journey_stages (journey TEXT, profile_id TEXT, stage TEXT, entered_at TIMESTAMPTZ)"
    )
    connection.execute("CREATE TABLE gold.signals (profile_id TEXT, signal TEXT, occurred_at TIMESTAMPTZ)")
    connection.executemany("INSERT INTO gold.journey_stages VALUES ('j', ?, ?, ?)", stages)
    connection.executemany("INSERT INTO gold.signals VALUES (?, ?, ?)", signals or [("nobody", "logged", DAY)])
    contracts: Any = SimpleNamespace(journeys={"j": SimpleNamespace(indicators=(INDICATOR,))}, table=Contracts().table)
    return Asked(connection, contracts, dt.date(2017, 2, 7))


def counts(given: Asked) -> tuple[int, int, int, int]:
    return followed(given, "j", INDICATOR)


def test_people_are_counted_by_the_sign_in_the_early_days_and_the_outcome_after_them() -> None:
    stages = [(person, "onboarding", DAY) for person in ("with", "late", "none", "before", "after")]
    stages += [
        ("with", "value", after(10)),
        ("none", "value", after(37)),  # the last moment that counts
        ("late", "value", after(37.1)),
        ("before", "value", after(3)),  # in the early days: nothing is foretold of this person
        ("after", "value", after(8)),
    ]
    signals = [("with", "logged", after(7)), ("late", "logged", after(7.1)), ("after", "logged", after(1))]
    assert counts(asked(stages, signals)) == (2, 2, 2, 1)


def test_who_was_not_followed_long_enough_is_not_counted() -> None:
    joined = [("then", "onboarding", DAY), ("too_late", "onboarding", after(1.5))]
    assert counts(asked(joined, [])) == (0, 0, 1, 0)


def test_the_interval_is_that_of_newcombes_paper() -> None:
    # R. G. Newcombe 1998, table II, example (a), method 10: 56/70 against 48/80.
    row = judged(70, 56, 80, 48)
    assert (row["lift"], row["lift_low"], row["lift_high"]) == (0.2, 0.0524, 0.3339)
    assert row["verdict"] == "foretells_more"
    assert judged(80, 48, 70, 56)["verdict"] == "foretells_less"


@pytest.mark.parametrize(("people", "verdict"), [(19, "too_few"), (20, "no_difference_known")])
def test_too_few_people_say_nothing(people: int, verdict: str) -> None:
    row = judged(people, 5, 100, 25)
    assert row["verdict"] == verdict
    assert (row["lift"] is None) == (verdict == "too_few")


def test_counts_of_one_to_four_people_are_not_told() -> None:
    (row,) = compute(asked([("ann", "onboarding", DAY)], []))["gold.leading_indicators"].to_pylist()
    assert (row["people_with"], row["people_without"], row["reached_without"]) == (0, None, None)
    assert judged(100, 4, 100, 50)["reached_with"] is None

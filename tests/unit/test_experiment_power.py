"""How many people an experiment needs goes by what people like its own did before."""

import datetime as dt

import duckdb

from measures.experiments.power import baseline
from tests.experiment import START, declared

VIEWS = {"ann": 4, "ben": 2, "cat": 0}
"""Times that each looked at a product in the last week of February."""


def shop() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema gold")
    connection.execute("create table gold.profiles (profile_id varchar, country varchar)")
    connection.execute("create table gold.audience_regulars (profile_id varchar)")
    connection.execute(
        "create table gold.events (event varchar, profile_id varchar, user_id varchar, occurred_at timestamptz, "
        "properties map(varchar, varchar))"
    )
    for name, times in VIEWS.items():
        connection.execute("insert into gold.profiles values (?, 'US')", [name])
        for event in ("page_viewed", *["product_viewed"] * times):
            at = START - dt.timedelta(days=2)
            connection.execute("insert into gold.events values (?, ?, ?, ?, map {})", [event, name, name, at])
    connection.execute("insert into gold.audience_regulars values ('ann'), ('ben')")
    return connection


def test_of_an_audience_only_its_people_tell_what_to_expect() -> None:
    everyone = baseline(shop(), declared(), START.date())
    regulars = baseline(shop(), declared(population={"audience": "audience_regulars"}), START.date())
    assert (everyone.people, everyone.mean) == (3, 2)
    assert (regulars.people, regulars.mean) == (2, 3)

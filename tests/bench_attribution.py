"""The numbers of attribution in docs/benchmarks.md: a million made-up paths, credited by every model.

``python -m tests.bench_attribution`` prints the section; ``--journeys`` for another number.
"""

import argparse
import datetime
import resource
import time
from collections.abc import Mapping

import duckdb

from contracts import Contracts
from measures.attribution.tables import PATHS, TABLE, compute
from measures.measure import Asked

AS_OF = datetime.date(2018, 12, 31)
WANTED = 60
"""Seconds on two cores, for a million journeys."""
SECTION = """## Attribution

{journeys:,} journeys of {people:,} made-up people over {channels} channels, {touches:,} touchpoints, {distinct:,}
distinct paths of campaigns, {orders:,} orders; every model for channels and for campaigns.

| step | seconds | wanted |
| --- | ---: | ---: |
| gold.attribution and gold.attribution_paths | {seconds:.1f} | {wanted} |

Peak memory {memory:.1f} GB. The sums of every model are those of the orders, to the cent."""


def make(connection: duckdb.DuckDBPyConnection, journeys: int, contracts: Contracts) -> None:
    """gold.touchpoints and gold.orders of so many journeys: one to eight touchpoints, a third of them with an order.

    Everything follows from hashes of row numbers, so that the same is made each time. Each person has five journeys,
    70 days apart.
    """
    declared = contracts.attribution
    assert declared is not None
    kinds = [(rule.channel, rule.direction, rule.kinds[0], rule.campaigns) for rule in declared.channels.values()]
    connection.execute("CREATE SCHEMA IF NOT EXISTS gold")
    connection.execute("CREATE TABLE kind (number BIGINT, channel TEXT, direction TEXT, kind TEXT, told BOOLEAN)")
    connection.executemany("INSERT INTO kind VALUES (?, ?, ?, ?, ?)", [(n, *row) for n, row in enumerate(kinds)])
    connection.execute(
        f"""CREATE TABLE made AS
            SELECT i, 'p-' || md5(CAST(i // 5 AS VARCHAR))[:12] AS profile_id,
                   TIMESTAMPTZ '2018-01-01 00:00:00+00' + to_days(CAST(i % 5 * 70 AS INTEGER)) AS began,
                   1 + hash(i, 'length') % 8 AS steps, hash(i, 'order') % 3 = 0 AS is_won
            FROM range({journeys}) AS t(i)"""
    )
    connection.execute(
        f"""CREATE TABLE gold.touchpoints AS
            SELECT md5(CAST(i AS VARCHAR) || ' ' || CAST(step AS VARCHAR)) AS touchpoint_id, profile_id, k.channel,
                   k.direction, k.kind, CASE WHEN k.told THEN CAST(hash(i, step, 'campaign') % 20 AS VARCHAR) END
                   AS subject_id, began + to_hours(CAST(step * 60 AS INTEGER)) AS occurred_at
            FROM (SELECT *, unnest(range(CAST(steps AS BIGINT))) AS step FROM made)
            JOIN kind AS k ON k.number = hash(i, step, 'kind') % {len(kinds)}"""
    )
    connection.execute(
        """CREATE TABLE gold.orders AS
           SELECT 'o-' || i AS order_id, profile_id,
                  CAST(hash(i, 'value') % 20000 / 100 AS DECIMAL(18, 2)) AS sales_value,
                  began + to_days(20) + to_seconds(CAST(hash(i, 'moment') % 80000 AS BIGINT)) AS ordered_at
           FROM made WHERE is_won"""
    )


def measure(journeys: int) -> Mapping[str, float]:
    """Make the paths, credit every model, and hold the sums to the orders."""
    contracts = Contracts()
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        make(connection, journeys, contracts)
        begin = time.monotonic()
        found = compute(Asked(connection, contracts, AS_OF))
        seconds = time.monotonic() - begin
        ((orders, value),) = connection.execute("SELECT count(*), sum(sales_value) FROM gold.orders").fetchall()
        connection.register("found", found[TABLE])
        wrong = connection.execute(
            "SELECT model, level, sum(value), sum(orders) FROM found GROUP BY ALL "
            "HAVING sum(value) <> ? OR sum(orders) <> ?",
            [value, orders],
        ).fetchall()
        if wrong or not found[TABLE].num_rows:
            raise SystemExit(f"sums are not those of the orders, {orders} worth {value}: {wrong}")
        ((people, touches),) = connection.execute(
            "SELECT count(DISTINCT profile_id), count(*) FROM gold.touchpoints"
        ).fetchall()
        ((distinct, counted),) = connection.execute("SELECT count(DISTINCT path), count(*) FROM journey").fetchall()
    return {
        "journeys": counted, "people": people, "touches": touches, "distinct": distinct, "orders": orders,
        "seconds": seconds, "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
        "paths": found[PATHS].num_rows,
    }  # fmt: skip


def section(journeys: int = 1_000_000) -> str:
    """The section of docs/benchmarks.md."""
    declared = Contracts().attribution
    assert declared is not None
    return SECTION.format(channels=len(declared.channels), wanted=WANTED, **measure(journeys))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--journeys", type=int, default=1_000_000)
    print(section(parser.parse_args().journeys))

# ruff: noqa: E501 - SQL of made-up rows
"""Erasure in a lake of 1.5 million events: of one person, and of a hundred in one go. Run by tests/bench.py or alone.

    python -m tests.bench_erasure [EVENTS]

The lake is made with DuckDB and delta-rs: what is measured is the erasure, not the landing. Its people are alike: as many
events each, half of them in lines of three messages, one account and one browser, a mailbox of their own.
"""

import datetime as dt
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
from deltalake import write_deltalake

from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.schema import arrow_schema
from lakehouse.settings import Settings
from spark_jobs.privacy.forget import forget

EVENTS = 1_500_000
EVENTS_OF_ONE = 600
LANDINGS = 6
DAY = dt.date(2017, 12, 31)


@dataclass(frozen=True)
class Erased:
    """One erasure: how many people, seconds, messages in bronze, and data files written anew over all tables."""

    people: int
    seconds: float
    messages: int
    files: int
    files_there: int


def run(events: int = EVENTS, home: Path | None = None) -> list[Erased]:
    """Make a lake, and erase one person and then a hundred.

    Args:
        events: How many events it holds.
        home: Where to make it; else a folder that is removed at the end.
    """
    folder = home or Path(tempfile.mkdtemp(prefix="clew-erasure-"))
    try:
        lake = Lake(Settings(home=folder))
        make(lake, events)
        return [_erase(lake, ["p_0"]), _erase(lake, [f"p_{n}" for n in range(1, 101)])]
    finally:
        if home is None:
            shutil.rmtree(folder)


def section(events: int = EVENTS) -> str:
    """The part of the report that tests/bench.py writes."""
    lines = [
        "## Erasure",
        "",
        f"A lake of {events:,} events, {EVENTS_OF_ONE} a person; everything of them from bronze, silver, identity, gold and landing/, "
        "their history and statistics purged. It has no consents, customer records, history of identity or exports: a lower bound.",
        "",
        "| people in one go | seconds | messages | data files written anew |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for erased in run(events):
        lines.append(
            f"| {erased.people} | {erased.seconds:.1f} | {erased.messages:,} | {erased.files} of {erased.files_there} |"
        )
    return "\n".join(lines)


def make(lake: Lake, events: int) -> None:
    """A lake of ``events`` web messages and the tables of identity and gold over them."""
    lake.ensure_tables()
    people = max(events // EVENTS_OF_ONE, 101)
    for landing in range(1, LANDINGS + 1):
        with duckdb.connect() as connection:
            for name, value in {"people": people, "landing": landing, "n": events // LANDINGS}.items():
                connection.execute(f"SET VARIABLE {name} = {value}")
            connection.execute(_MESSAGES)
            for table, sql in _OF_MESSAGES.items():
                _append(lake, table, connection, sql)
            lines = lake.settings.landing / "web" / f"web-{landing}.jsonl"
            lines.parent.mkdir(parents=True, exist_ok=True)
            with lines.open("wb") as file:
                for (payload,) in connection.execute("SELECT payload FROM lines ORDER BY position").fetchall():
                    file.write(payload.encode() + b"\n")
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE people AS SELECT range AS p FROM range($people)", {"people": people})
        for table, sql in _OF_PEOPLE.items():
            _append(lake, table, connection, sql)


def _append(lake: Lake, table: str, connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    if table in lake.contracts.tables or table.startswith("bronze."):
        schema = arrow_schema(lake.contracts.table(table))
        given = connection.sql(sql)
        missing = [field for field in schema if field.name not in given.columns]
        rows = given.to_arrow_table()
        for field in missing:
            rows = rows.append_column(field.name, pa.nulls(rows.num_rows, field.type))
        lake.append(table, rows)
    else:
        write_deltalake(lake.path(table), connection.sql(sql).to_arrow_table(), mode="append")


def _erase(lake: Lake, profiles: list[str]) -> Erased:
    before = {table: set(lake.delta(table).file_uris()) for table in lake.tables()}
    began = time.monotonic()
    certificate = forget(lake, Run("bench", DAY), profiles, reason="measured", author="bench", exports={})
    seconds = time.monotonic() - began
    written = sum(len(files - set(lake.delta(table).file_uris())) for table, files in before.items())
    return Erased(len(profiles), seconds, certificate["messages_in_bronze"], written, sum(map(len, before.values())))


_MESSAGES = """
    CREATE TABLE messages AS
    SELECT n, 'web:m' || getvariable('landing') || '-' || n AS event_id, 'm' || getvariable('landing') || '-' || n AS message_id,
           (hash(n // 4, getvariable('landing')) % getvariable('people'))::BIGINT AS p, getvariable('landing')::INT AS landing,
           -- of four messages in a row, the first stands alone and the others share a line; all are one person's
           (getvariable('landing') - 1) * getvariable('n') + n // 4 * 2 + CASE WHEN n % 4 = 0 THEN 1 ELSE 2 END AS position,
           CASE WHEN n % 4 = 0 THEN 0 ELSE n % 4 - 1 END::INT AS part,
           TIMESTAMPTZ '2017-01-01 00:00:00+00' + INTERVAL 1 SECOND * (n * 20) AS occurred_at
    FROM (SELECT range AS n FROM range(getvariable('n'))) WHERE n < getvariable('n') // 4 * 4;
    CREATE TABLE texts AS
    SELECT *, CASE WHEN n % 2 = 0 THEN 'account:usr_' ELSE 'anonymous:browser-' END || lpad(p::VARCHAR, 9, '0') AS record_id,
           '{"type":"track","event":"Product Viewed","messageId":"' || message_id || '","anonymousId":"browser-'
           || lpad(p::VARCHAR, 9, '0') || '","userId":"usr_' || lpad(p::VARCHAR, 9, '0') || '","timestamp":"'
           || strftime(occurred_at, '%Y-%m-%dT%H:%M:%SZ') || '","properties":{"product_id":"' || n % 9973
           || '","text":"' || repeat(md5(n::VARCHAR), 3) || '"}}' AS payload
    FROM messages;
    CREATE TABLE lines AS
    SELECT position, any_value(landing) AS landing,
           CASE WHEN count(*) = 1 THEN any_value(payload)
                ELSE '{"batch":[' || string_agg(payload, ',' ORDER BY part) || ']}' END AS payload
    FROM texts GROUP BY position;
"""
_RECEIVED = "TIMESTAMPTZ '2017-12-31 00:00:00+00'"
_EVENT = f"""event_id, 'web' AS source, 'web' AS channel, 'track' AS type, 'product_viewed' AS event, message_id,
    record_id, 'browser-' || lpad(p::VARCHAR, 9, '0') AS anonymous_id, 'usr_' || lpad(p::VARCHAR, 9, '0') AS user_id,
    occurred_at, {_RECEIVED} AS received_at, MAP {{'product_id': (n % 9973)::VARCHAR}} AS properties,
    MAP {{'email': 'person' || p || '@example.org'}} AS traits, MAP {{'page': '/'}} AS context, position, part, landing,
    'product_viewed 1-0-0' AS contract_version"""
_OF_MESSAGES = {
    "bronze.web": f"""SELECT payload, 'web/web-' || landing || '.jsonl' AS file, row_number() OVER (ORDER BY position)::INT
        AS line, position, landing, {_RECEIVED} AS landed_at, 'run' AS run_id, '1-0-1' AS contract_version FROM lines""",
    "silver.events": f"SELECT {_EVENT}, n AS content_hash FROM texts",
    "silver.identifiers": """SELECT record_id, 'web' AS source, 'email' AS identifier,
        'person' || p || '@example.org' AS value, min(occurred_at) AS first_seen, max(occurred_at) AS last_seen,
        count(*) AS events, min(position) AS first_position, landing FROM texts GROUP BY ALL""",
    "gold.events": f"""SELECT {_EVENT}, 'p_' || p AS profile_id, 'founder' AS link_kind, 1.0::DOUBLE AS link_probability
        FROM texts""",
    "ops.row_counts": """SELECT 'run' AS run_id, landing, 'web' AS source, count(DISTINCT position) AS lines, 0 AS headers,
        count(*) - count(DISTINCT position) AS unpacked, count(*) AS kept, 0 AS duplicates, 0 AS quarantined, 0 AS erased
        FROM texts GROUP BY landing""",
}
_RECORDS = (
    "(SELECT p, unnest(['account:usr_', 'anonymous:browser-']) || lpad(p::VARCHAR, 9, '0') AS record_id FROM people)"
)
_OF_PEOPLE = {
    "identity.assignments": f"""SELECT record_id, 'p_' || p AS profile_id, 'own_' || record_id AS own_profile_id,
        'founder' AS kind, 1.0::DOUBLE AS probability, record_id AS founder_record_id, 2 AS records FROM {_RECORDS}""",
    "identity.identifiers": f"""SELECT record_id, 'email' AS identifier, 'person' || p || '@example.org' AS value,
        'person' || p || '@example.org' AS raw_value, true AS is_usable, {_RECEIVED} AS first_seen,
        {_RECEIVED} AS last_seen FROM {_RECORDS}""",
    "gold.profiles": "SELECT 'p_' || p AS profile_id, 'person' || p || '@example.org' AS email FROM people",
}


if __name__ == "__main__":
    for erased in run(int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS):
        print(
            f"{erased.people} people: {erased.seconds:.1f} s, {erased.messages:,} messages, "
            f"{erased.files} of {erased.files_there} files written anew"
        )

"""What of the old messages is still needed, so that retention permits nothing that was not permitted before.

A message that speaks of consent is as old as silver.consents lets it be, whatever its source: of one period for all,
the earlier word always goes first. Beyond every period stay

- a *no*: the last word of a record, or of the browser in which it was said, on a purpose or topic, if that refuses it,
  or a pause that lasts;
- *of a person who said such a no*, what ties it to them: the last message of a record that gives an identifier which
  another record has, too;
- *of a person of whom any word stays*, what the policy asks of them: of each record the last message that gives a birth
  date, and the last that gives a country.

Only an erasure takes these.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from contracts.permission_sql import said_at
from contracts.source import Source
from spark_jobs.privacy.whose import path_sql

if TYPE_CHECKING:
    import datetime

    import duckdb

_CONSENTS = """(SELECT NULL::VARCHAR AS topic, NULL::TIMESTAMPTZ AS until_at WHERE false
                UNION ALL BY NAME FROM silver.consents)"""


def show_needed(
    connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source], as_of: "datetime.date", days: int | None
) -> None:
    """Make ``needed``: the event_id of every message that stays for consent, however old it is.

    Args:
        connection: On the tables that ``whose.opened`` shows; its ``old_events`` are past the period of their source.
        sources: Where messages come from.
        as_of: The date from which periods are counted back.
        days: The period of silver.consents; None is for ever.
    """
    _words(connection, as_of, days)
    _ties(connection, sources)
    connection.execute("""
        CREATE TEMP TABLE asked_of AS SELECT record_id FROM person SEMI JOIN (
            SELECT who FROM person SEMI JOIN words USING (record_id)) USING (who);
        CREATE TEMP TABLE needed AS
            SELECT event_id FROM words
            UNION SELECT event_id FROM ties
            UNION SELECT event_id FROM (
                FROM silver.customer_records SEMI JOIN asked_of USING (record_id) WHERE trim(birth_date) <> ''
                QUALIFY occurred_at = max(occurred_at) OVER (PARTITION BY record_id))
            UNION SELECT event_id FROM (
                FROM silver.customer_records SEMI JOIN asked_of USING (record_id) WHERE trim(country) <> ''
                QUALIFY occurred_at = max(occurred_at) OVER (PARTITION BY record_id));
    """)


def _words(connection: "duckdb.DuckDBPyConnection", as_of: "datetime.date", days: int | None) -> None:
    """Make ``refusals`` and, with what is no older than the period, ``words``; and ``person``, who each record is."""
    connection.execute(
        f"""CREATE TEMP TABLE refusals AS
            WITH told AS (
                SELECT event_id, record_id, purpose, topic, status, until_at, {said_at("c")} AS said_at
                FROM {_CONSENTS} AS c
            ), spoken AS (
                FROM told UNION ALL
                SELECT event_id, 'anonymous:' || trim(e.anonymous_id), purpose, topic, status, until_at, said_at
                FROM told JOIN silver.events AS e USING (event_id) WHERE trim(e.anonymous_id) <> '')
            SELECT event_id, record_id FROM spoken
            QUALIFY status <> 'granted' AND (status <> 'snoozed' OR until_at IS NULL OR until_at >= $as_of::DATE)
                AND said_at >= coalesce(max(said_at) FILTER (status <> 'snoozed')
                                        OVER (PARTITION BY record_id, purpose, topic), said_at)""",
        {"as_of": as_of},
    )
    connection.execute(
        """CREATE TEMP TABLE words AS
            SELECT event_id, record_id FROM refusals UNION
            SELECT event_id, record_id FROM silver.consents
            WHERE $days IS NULL OR given_at >= $as_of::DATE - $days::INTEGER""",
        {"as_of": as_of, "days": days},
    )
    connection.execute("""
        CREATE TEMP TABLE person AS SELECT record_id, profile_id AS who FROM identity.assignments
            UNION ALL SELECT DISTINCT record_id, record_id FROM words ANTI JOIN identity.assignments USING (record_id)
    """)


def _ties(connection: "duckdb.DuckDBPyConnection", sources: Sequence[Source]) -> None:
    """Make ``ties``: the last message of each record of who said no with a value that another record has, too."""
    connection.execute("""
        CREATE TEMP TABLE shared AS
            WITH held AS (SELECT DISTINCT record_id, identifier, value, trim(raw_value) AS raw_value
                          FROM identity.identifiers WHERE value <> '')
            SELECT record_id, identifier, raw_value FROM held
            SEMI JOIN (SELECT identifier, value FROM held GROUP BY ALL HAVING count(DISTINCT record_id) > 1)
                USING (identifier, value)
            SEMI JOIN (SELECT record_id FROM person SEMI JOIN (
                SELECT who FROM person SEMI JOIN refusals USING (record_id)) USING (who)) USING (record_id);
        CREATE TEMP TABLE last_given AS
            SELECT record_id, identifier, trim(value) AS raw_value, max(last_seen) AS last_seen
            FROM silver.identifiers GROUP BY ALL;
        CREATE TEMP TABLE old_of_shared AS
            SELECT e.* FROM silver.events AS e SEMI JOIN old_events USING (event_id) SEMI JOIN shared USING (record_id);
    """)
    told = " UNION ALL ".join(
        f"SELECT event_id, record_id, occurred_at, '{entry.identifier}' AS identifier, "
        f"trim({path_sql(entry.path)}) AS raw_value FROM old_of_shared WHERE source = '{source.source}'"
        for source in sources
        for entry in source.identifiers
    )
    nothing = "SELECT NULL, NULL, NULL::TIMESTAMPTZ, NULL, NULL WHERE false"
    connection.execute(f"""
        CREATE TEMP TABLE ties AS
            SELECT event_id FROM ({told or nothing}) AS told (event_id, record_id, occurred_at, identifier, raw_value)
            SEMI JOIN shared USING (record_id, identifier, raw_value)
            JOIN last_given AS g USING (record_id, identifier, raw_value) WHERE occurred_at >= g.last_seen
    """)

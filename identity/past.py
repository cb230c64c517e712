"""Who we think, or thought, was one person on a past day, and what we knew of them, by the two clocks.

Who was who is read from identity.history, birth dates and addresses from the messages that gave them.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from identity import standardise
from lakehouse.consent import Known

if TYPE_CHECKING:
    import duckdb

    from contracts.identity import Attributes

READ = ("identity.history", "identity.records", "silver.customer_records", "silver.events")
"""What ``known`` reads."""

_BELIEVED = """
    WITH told AS (
        SELECT * FROM identity.history WHERE known_since <= $known_at AND record_id IN ({candidates})),
    that_day AS (
        SELECT * FROM told WHERE true_from < $day + INTERVAL 1 DAY
        QUALIFY true_from = max(true_from) OVER (PARTITION BY record_id, revision)),
    newest AS (SELECT record_id, max(revision) AS revision FROM told GROUP BY record_id)
    SELECT that_day.record_id, that_day.profile_id, that_day.true_from, min(earlier.known_since) AS known_since
    FROM that_day JOIN newest USING (record_id, revision)
    JOIN that_day AS earlier ON earlier.record_id = that_day.record_id AND earlier.profile_id = that_day.profile_id
    GROUP BY ALL ORDER BY that_day.true_from, that_day.record_id
"""


@dataclass(frozen=True)
class Moment:
    """A day in the world, and the day by whose knowledge it is seen."""

    day: datetime.date
    known_at: datetime.date = datetime.date.max


def members(connection: "duckdb.DuckDBPyConnection", moment: Moment, profile_id: str) -> list[dict[str, Any]]:
    """The records that a profile was made of at the end of the day.

    Returns:
        For each record_id and profile_id: ``true_from``, since when it was in the profile, and ``known_since``, since
        when we had said so of that day.
    """
    candidates = "SELECT record_id FROM identity.history WHERE profile_id = $profile"
    rows = _believed(connection, moment, candidates, profile=profile_id)
    return [row for row in rows if row["profile_id"] == profile_id]


def profiles_of(connection: "duckdb.DuckDBPyConnection", moment: Moment, records: Iterable[str]) -> list[str]:
    """The profiles that these records were in at the end of the day, sorted."""
    rows = _believed(connection, moment, "SELECT unnest($records::VARCHAR[])", records=list(records))
    return sorted({row["profile_id"] for row in rows})


def assignments_sql(moment: Moment) -> str:
    """Who was in which profile at the end of the day: a query in parentheses with record_id and profile_id."""
    candidates = "SELECT record_id FROM identity.history"
    text = _BELIEVED.format(candidates=candidates)
    for name, value in (("$day", moment.day), ("$known_at", moment.known_at)):
        text = text.replace(name, f"DATE '{value.isoformat()}'")
    return f"(SELECT record_id, profile_id FROM ({text}))"


def known(connection: "duckdb.DuckDBPyConnection", moment: Moment, attributes: "Attributes") -> Known:
    """What was known of people at the end of the day, for ``lakehouse.consent``; made as temporary tables.

    A message counts from when it was said, and from no later than it landed, as a yes does. Of each record the latest
    birth date until then counts, as identity.records has the latest of all; which ones stand for nobody is judged by
    all that is known now.

    Args:
        connection: Shows the tables of ``READ``; its time zone is UTC.
        moment: The day, and the day by whose knowledge.
        attributes: Of the identity contract, which says how birth dates are read.
    """
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE told_then AS
           SELECT t.record_id, t.event_id, t.occurred_at, t.landing, t.source, t.position, t.birth_date, t.country
           FROM silver.customer_records AS t LEFT JOIN silver.events AS e USING (event_id)
           WHERE least(t.occurred_at, e.received_at) < $day::DATE + INTERVAL 1 DAY
                 AND CAST(coalesce(e.received_at, t.occurred_at) AS DATE) <= $known_at""",
        {"day": moment.day, "known_at": moment.known_at},
    )
    raw = connection.sql(
        "SELECT DISTINCT birth_date AS raw FROM told_then WHERE birth_date IS NOT NULL ORDER BY raw"
    ).to_arrow_table()
    read = standardise.mapped(raw["raw"].to_pylist(), lambda text: standardise.birth_date(text, attributes))
    connection.register("read_dates", pa.table({"raw": raw["raw"].cast(pa.string()), "birth_date": read}))
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE records_then AS
           WITH latest AS (
               SELECT record_id, arg_max(birth_date, (occurred_at, landing, source, position)) AS raw
               FROM told_then WHERE birth_date IS NOT NULL GROUP BY record_id),
           crowded AS (
               SELECT birth_date, min(birth_date_unusable) AS why FROM identity.records WHERE birth_date IS NOT NULL
               GROUP BY birth_date HAVING count(birth_date_unusable) = count(*))
           SELECT latest.record_id, read_dates.birth_date::DATE AS birth_date,
                  coalesce(now.birth_date_unusable, crowded.why) AS birth_date_unusable
           FROM latest JOIN read_dates USING (raw)
           LEFT JOIN crowded ON crowded.birth_date = read_dates.birth_date::DATE
           LEFT JOIN identity.records AS now
                ON now.record_id = latest.record_id AND now.birth_date = read_dates.birth_date::DATE"""
    )
    connection.unregister("read_dates")
    return Known(assignments_sql(moment), "records_then", "told_then")


def _believed(
    connection: "duckdb.DuckDBPyConnection", moment: Moment, candidates: str, **values: Any
) -> list[dict[str, Any]]:
    """The belief of each candidate that had a profile; a record that was gone by then matches no profile."""
    cursor = connection.execute(
        _BELIEVED.format(candidates=candidates), {"day": moment.day, "known_at": moment.known_at, **values}
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

"""Who we think, or thought, was one person on a past day: identity.history read by its two clocks."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import duckdb

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


def _believed(
    connection: "duckdb.DuckDBPyConnection", moment: Moment, candidates: str, **values: Any
) -> list[dict[str, Any]]:
    """The belief of each candidate that had a profile; a record that was gone by then matches no profile."""
    cursor = connection.execute(
        _BELIEVED.format(candidates=candidates), {"day": moment.day, "known_at": moment.known_at, **values}
    )
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

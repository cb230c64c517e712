"""What the last run kept of edges and records, read for an answer about some of them. Never a personal value."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.link import REFUSED
from identity.edges import STEWARD
from lakehouse.errors import DataError

if TYPE_CHECKING:
    import duckdb

TABLES = ("identity.records", "identity.identifiers", "identity.edges", "identity.assignments")
"""What an explanation reads."""

IS_UNLINK = f"(rule = '{STEWARD}' AND evidence ->> '$.action' = 'unlink')"
IS_REFUSED = f"starts_with(coalesce(reason, ''), '{REFUSED}')"
_EDGE = """left_record, right_record, kind, rule, match_weight, probability, evidence, model_version, state, reason,
           strftime(since AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ') AS since"""
_ENDS = """identity.edges
    JOIN (SELECT record_id, profile_id FROM identity.assignments) AS l ON l.record_id = left_record
    JOIN (SELECT record_id, profile_id FROM identity.assignments) AS r ON r.record_id = right_record"""


@dataclass(frozen=True)
class Edge:
    """One piece of evidence between two records. ``evidence`` never holds a personal value.

    ``since`` is when both records were known.
    """

    left_record: str
    right_record: str
    kind: str
    rule: str
    match_weight: float
    probability: float
    evidence: dict[str, Any]
    model_version: str
    state: str
    reason: str | None
    since: str | None

    @property
    def ends(self) -> tuple[str, str]:
        """Its two records."""
        return self.left_record, self.right_record

    @property
    def is_used(self) -> bool:
        """Whether it joins its records."""
        return self.state == "linked"

    @property
    def is_refused(self) -> bool:
        """Whether it joins nothing because a person refused that."""
        return (self.reason or "").startswith(REFUSED)

    def other_end(self, record: str) -> str:
        """The record at the other end."""
        return self.right_record if record == self.left_record else self.left_record


@dataclass(frozen=True)
class Record:
    """A record, and how it came to its profile: ``link_kind`` and ``probability`` are those of its assignment."""

    record_id: str
    kind: str
    sources: tuple[str, ...]
    first_seen: str
    last_seen: str
    profile_id: str
    link_kind: str
    probability: float


def walk(path: Iterable[Edge], start: str) -> list[tuple[str, str, Edge]]:
    """The steps of a path from ``start`` on: from which record, to which, along which edge."""
    steps = []
    for edge in path:
        steps.append((start, edge.other_end(start), edge))
        start = edge.other_end(start)
    return steps


def probability_text(probability: float) -> str:
    """A probability in four digits, and in more where four would say certain of what is only likely."""
    return f"{probability:.4f}" if probability == 1 or probability < 0.99995 else f"{probability:.10f}".rstrip("0")


def edges_where(connection: "duckdb.DuckDBPyConnection", condition: str, **values: Any) -> list[Edge]:
    """The edges of which a condition holds, decisions first, then the strongest.

    Args:
        connection: Shows TABLES.
        condition: Over the columns of identity.edges, and ``l.profile_id`` and ``r.profile_id`` of its two records.
        values: The condition's parameters by name.
    """
    cursor = connection.execute(
        f"""SELECT {_EDGE} FROM {_ENDS} WHERE {condition}
            ORDER BY rule <> '{STEWARD}', match_weight DESC, left_record, right_record, kind, rule""",
        values,
    )
    names = [column[0] for column in cursor.description or ()]
    found = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    return [Edge(**edge | {"evidence": json.loads(edge["evidence"])}) for edge in found]


def records_of(connection: "duckdb.DuckDBPyConnection", record_ids: Iterable[str]) -> tuple[Record, ...]:
    """Records by their ids, in the order in which they landed."""
    return _records(connection, "list_contains($wanted, record_id)", wanted=sorted(set(record_ids)))


def records_in(connection: "duckdb.DuckDBPyConnection", profile: str) -> tuple[Record, ...]:
    """The records of a profile, in the order in which they landed: the founder first."""
    return _records(connection, "profile_id = $profile", profile=profile)


def profile_of(connection: "duckdb.DuckDBPyConnection", record: str) -> str:
    """The profile of a record.

    Raises:
        DataError: If it has none yet.
    """
    row = connection.execute("SELECT profile_id FROM identity.assignments WHERE record_id = ?", [record]).fetchone()
    if row is None:
        raise no_profile(record)
    return str(row[0])


def no_profile(record: str) -> DataError:
    """What is wrong where a record has no profile."""
    return DataError("the record has no profile yet", record, "run: clew run")


def _records(connection: "duckdb.DuckDBPyConnection", condition: str, **values: Any) -> tuple[Record, ...]:
    rows = connection.execute(
        f"""SELECT record_id, r.kind, string_split(r.sources, ','),
                   strftime(r.first_seen AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'),
                   strftime(r.last_seen AT TIME ZONE 'UTC', '%Y-%m-%dT%H:%M:%SZ'),
                   a.profile_id, a.kind, a.probability
            FROM identity.records AS r JOIN identity.assignments AS a USING (record_id) WHERE {condition}
            ORDER BY a.kind <> 'founder', landed_landing, landed_source, landed_position, record_id""",
        values,
    ).fetchall()
    return tuple(Record(row[0], row[1], tuple(row[2]), *row[3:]) for row in rows)

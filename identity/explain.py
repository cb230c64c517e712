"""Why two records are one person, or why they are not, from the evidence that the last run kept."""

import json
from collections import deque
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from contracts.records import KINDS
from identity.edges import STEWARD
from identity.standardise import standard_of
from lakehouse.errors import DataError, UsageError

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

_EDGE = "left_record, right_record, kind, rule, match_weight, probability, evidence, model_version, state, reason"
_IDENTIFIER_WORDS = {
    "loyalty": "loyalty_id",
    "account": "user_id",
    "anonymous": "anonymous_id",
    "crm": "crm_id",
}


@dataclass(frozen=True)
class Edge:
    """One piece of evidence between two records. ``evidence`` never holds a personal value."""

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

    def other_end(self, record: str) -> str:
        """The record at the other end."""
        return self.right_record if record == self.left_record else self.left_record


@dataclass(frozen=True)
class Explanation:
    """The answer for two records.

    Attributes:
        verdict: Whether they are of one profile.
        path: For one profile, the linked edges from the left record to the right one.
        probability: Of the weakest edge on the path; 1.0 for a record and itself; None where they are apart.
        obstacle: For two profiles, the decision that keeps them apart, else the strongest evidence between them that
            was not used, if there is any.
        reason: One sentence.
        left_redirected_from: The retired profile id by which the left record was named; it leads to ``left_profile``.
        right_redirected_from: The same of the right one.
        unusable: Identifiers that both hold but that do not identify, each with the reason.
    """

    left: str
    right: str
    left_profile: str
    right_profile: str
    verdict: Literal["same", "apart"]
    path: tuple[Edge, ...]
    probability: float | None
    obstacle: Edge | None
    reason: str
    unusable: tuple[dict[str, str], ...]
    left_redirected_from: str | None = None
    right_redirected_from: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def explain(lake: "Lake", left: str, right: str, release: int | Literal["live"] = "live") -> Explanation:
    """Explain two records.

    Args:
        lake: The lake.
        left: A record id; a profile id, which stands for its founder, a retired one too; or an identifier such as
            ``email:…``, ``phone:…``, ``loyalty:…``, which stands for the record that was first seen with it.
        right: Another one.
        release: The release that is explained, or the tables as the last run left them.

    Raises:
        DataError: If an argument names nobody who is in the lake.
        UsageError: If it is none of these.
    """
    with lake.duck(release) as connection:
        one, other = (record_of(connection, lake, name) for name in (left, right))
        found = _explained(connection, one, other)
    return replace(
        found,
        left_redirected_from=_retired(left, found.left_profile),
        right_redirected_from=_retired(right, found.right_profile),
    )


def _explained(connection: "duckdb.DuckDBPyConnection", one: str, other: str) -> Explanation:
    profile_one, profile_other = _profile(connection, one), _profile(connection, other)
    if profile_one == profile_other:
        edges = _edges(connection, "state = 'linked' AND l.profile_id = $one AND r.profile_id = $one", one=profile_one)
        path = _path(edges, one, other)
        probability = min((edge.probability for edge in path), default=1.0)
        reason = _reason_same(path)
        return Explanation(one, other, profile_one, profile_other, "same", path, probability, None, reason, ())
    obstacle = _obstacle(connection, one, other, profile_one, profile_other)
    unusable = _shared_unusable(connection, profile_one, profile_other)
    reason = _reason_apart(obstacle, unusable)
    return Explanation(one, other, profile_one, profile_other, "apart", (), None, obstacle, reason, tuple(unusable))


def _retired(name: str, profile_id: str) -> str | None:
    """The name, if it is the id of a profile that leads to another."""
    return name if ":" not in name and name != profile_id else None


def record_of(connection: "duckdb.DuckDBPyConnection", lake: "Lake", name: str) -> str:
    """The record that ``name`` means: its id, the id of the profile that it founds or founded, or an identifier.

    Of the records that hold an identifier, the one first seen with it is meant.

    Raises:
        DataError: If nobody in the lake has it.
        UsageError: If it is none of these.
    """
    found = connection.execute("SELECT record_id FROM identity.records WHERE record_id = ?", [name]).fetchall()
    if found:
        return name
    founders = connection.execute("SELECT record_id FROM identity.assignments WHERE own_profile_id = ?", [name])
    if founder := founders.fetchone():
        return str(founder[0])
    word, _, raw = name.partition(":")
    identifier = _IDENTIFIER_WORDS.get(word, word)
    rules = lake.contracts.identity
    if raw and identifier in rules.identifiers:
        value = standard_of(rules.identifiers[identifier], rules.phone_region)(raw).value
        rows = connection.execute(
            """SELECT record_id FROM identity.identifiers WHERE identifier = ? AND value = ?
               ORDER BY is_usable DESC, first_seen, record_id LIMIT 1""",
            [identifier, value],
        ).fetchall()
        if rows:
            return str(rows[0][0])
        raise DataError(f"no record holds this {identifier}", "identity.identifiers", "check it, or run: clew run")
    known = ", ".join(sorted({*KINDS, *rules.identifiers}))
    where = f"{word}:…" if raw else "the argument"
    unknown = DataError if raw and word in KINDS else UsageError
    do = f"give a profile id, or a record id or an identifier, beginning with one of: {known}"
    raise unknown("no such record", where, do)


def _profile(connection: "duckdb.DuckDBPyConnection", record: str) -> str:
    row = connection.execute("SELECT profile_id FROM identity.assignments WHERE record_id = ?", [record]).fetchall()
    if not row:
        raise DataError("the record has no profile yet", record, "run: clew run")
    return str(row[0][0])


def _edges(connection: "duckdb.DuckDBPyConnection", condition: str, **values: str) -> list[Edge]:
    rows = connection.execute(
        f"""SELECT {_EDGE} FROM identity.edges
            JOIN (SELECT record_id, profile_id FROM identity.assignments) l
                ON l.record_id = left_record
            JOIN (SELECT record_id, profile_id FROM identity.assignments) r
                ON r.record_id = right_record
            WHERE {condition}
            ORDER BY rule <> '{STEWARD}', state = 'review', probability DESC, left_record, right_record, rule""",
        values,
    ).fetchall()
    names = _EDGE.split(", ")
    found = [dict(zip(names, row, strict=True)) for row in rows]
    return [Edge(**edge | {"evidence": json.loads(edge["evidence"])}) for edge in found]


def _path(edges: list[Edge], start: str, goal: str) -> tuple[Edge, ...]:
    """The way through the linked edges, which are a tree."""
    around: dict[str, list[Edge]] = {}
    for edge in edges:
        around.setdefault(edge.left_record, []).append(edge)
        around.setdefault(edge.right_record, []).append(edge)
    came_by: dict[str, Edge | None] = {start: None}
    waiting = deque([start])
    while waiting and goal not in came_by:
        record = waiting.popleft()
        for edge in around.get(record, ()):
            ahead = edge.other_end(record)
            if ahead not in came_by:
                came_by[ahead] = edge
                waiting.append(ahead)
    path: list[Edge] = []
    at = goal
    while (edge_back := came_by[at]) is not None:
        path.append(edge_back)
        at = edge_back.other_end(at)
    return tuple(reversed(path))


def _obstacle(
    connection: "duckdb.DuckDBPyConnection", one: str, other: str, profile_one: str, profile_other: str
) -> Edge | None:
    """The best unused edge between the two records, else between their profiles."""
    between = "((l.profile_id = $one AND r.profile_id = $other) OR (l.profile_id = $other AND r.profile_id = $one))"
    edges = _edges(connection, f"state IN ('blocked', 'review') AND {between}", one=profile_one, other=profile_other)
    direct = [edge for edge in edges if {edge.left_record, edge.right_record} == {one, other}]
    return next(iter(direct or edges), None)


def _shared_unusable(
    connection: "duckdb.DuckDBPyConnection", profile_one: str, profile_other: str
) -> list[dict[str, str]]:
    rows = connection.execute(
        """WITH held AS (
               SELECT DISTINCT profile_id, identifier, value, reason
               FROM identity.identifiers JOIN identity.assignments USING (record_id) WHERE NOT is_usable)
           SELECT DISTINCT identifier, l.reason FROM held l JOIN held r USING (identifier, value)
           WHERE l.profile_id = ? AND r.profile_id = ? ORDER BY ALL""",
        [profile_one, profile_other],
    ).fetchall()
    return [{"identifier": identifier, "reason": reason} for identifier, reason in rows]


def _reason_same(path: tuple[Edge, ...]) -> str:
    if not path:
        return "it is one record"
    steps = "1 link" if len(path) == 1 else f"{len(path)} links"
    weakest = min(path, key=lambda edge: edge.probability)
    return f"one profile by {steps}; the weakest is {weakest.rule} with probability {weakest.probability:.4f}"


def _reason_apart(obstacle: Edge | None, unusable: list[dict[str, str]]) -> str:
    if obstacle is not None and obstacle.rule == STEWARD:
        return f"decision {obstacle.evidence['decision']} says that they are two people"
    if obstacle is not None:
        return f"{obstacle.rule} would join them but is {obstacle.state}: {obstacle.reason}"
    if unusable:
        return f"they share only what does not identify: {unusable[0]['identifier']} ({unusable[0]['reason']})"
    return "no evidence: they share no identifier, and nothing else about them is alike enough"

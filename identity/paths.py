"""Chains of evidence between two records: the one that joins them, or the best of those that could."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from identity.evidence import IS_UNLINK, Edge, edges_where

if TYPE_CHECKING:
    import duckdb

MOST_STOPS = 6
"""Edges that are not used, on a chain between two profiles. At a million records a chain through hundreds of other
people can nearly always be found; it explains nothing, and takes a minute."""


def shortest_path(edges: Iterable[Edge], start: str, goal: str) -> tuple[Edge, ...]:
    """The path of the fewest edges; of several, that of the edges named first. In a tree the only one."""
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
    while (edge_back := came_by.get(at)) is not None:
        path.append(edge_back)
        at = edge_back.other_end(at)
    return tuple(reversed(path))


def strongest_path(edges: Sequence[Edge], start: str, goal: str) -> tuple[Edge, ...]:
    """The path whose weakest edge is the strongest; of several, that of the fewest edges. Empty if there is none."""
    ordered = sorted(edges, key=lambda edge: (-edge.match_weight, edge.ends, edge.kind, edge.rule))
    weakest = _weight_that_joins(ordered, start, goal)
    if weakest is None:
        return ()
    return shortest_path((edge for edge in ordered if edge.match_weight >= weakest), start, goal)


def best_chain(
    connection: "duckdb.DuckDBPyConnection", ends: tuple[str, str], profiles: tuple[str, str]
) -> tuple[Edge, ...]:
    """The strongest path through linked, review and blocked edges between records of two profiles.

    Whatever profiles it leads through, as long as MOST_STOPS suffice; a decision against is no link of it. Only the
    edges of such profiles are read.

    Args:
        connection: Shows ``evidence.TABLES``.
        ends: The two records.
        profiles: Their profiles.
    """
    connection.execute(
        f"""CREATE OR REPLACE TEMP TABLE crossing AS
            WITH between AS (
                SELECT DISTINCT l.profile_id AS one, r.profile_id AS other FROM identity.edges
                JOIN identity.assignments AS l ON l.record_id = left_record
                JOIN identity.assignments AS r ON r.record_id = right_record
                WHERE state IN ('blocked', 'review') AND l.profile_id <> r.profile_id AND NOT {IS_UNLINK})
            SELECT one AS profile_id, other AS ahead FROM between UNION SELECT other, one FROM between"""
    )
    connection.execute(
        """CREATE OR REPLACE TEMP TABLE reached AS
           WITH RECURSIVE found AS (
               SELECT unnest([$one, $other]) AS start, start AS profile_id, 0 AS stops
               UNION SELECT start, ahead, stops + 1 FROM found JOIN crossing USING (profile_id) WHERE stops < $most),
           nearest AS (SELECT start, profile_id, min(stops) AS stops FROM found GROUP BY ALL)
           SELECT profile_id FROM nearest GROUP BY profile_id HAVING count(*) = 2 AND sum(stops) <= $most""",
        {"one": profiles[0], "other": profiles[1], "most": MOST_STOPS},
    )
    edges = edges_where(
        connection,
        f"""state IN ('linked', 'blocked', 'review') AND NOT {IS_UNLINK}
            AND l.profile_id IN (FROM reached) AND r.profile_id IN (FROM reached)""",
    )
    return strongest_path(edges, *ends)


def _weight_that_joins(ordered: Sequence[Edge], start: str, goal: str) -> float | None:
    """The weight of the edge that joins two records when edges are added strongest first."""
    leader: dict[str, str] = {}

    def find(record: str) -> str:
        while (above := leader.setdefault(record, record)) != record:
            leader[record] = leader[above]
            record = above
        return record

    for edge in ordered:
        leader[find(edge.left_record)] = find(edge.right_record)
        if find(start) == find(goal):
            return edge.match_weight
    return None

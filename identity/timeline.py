"""Timelines: which profile each record was in, from its first event on, as the linked edges and their dates tell.

At a moment, the records seen by then and the linked edges dated by then make up the profiles, each with the id of
the one of its records that landed first. The last moment of every timeline is the assignment.
"""

import numpy as np
import pyarrow as pa

from identity.forest import spanning_forest, weakest_to_roots
from identity.sql import query

TIMELINE = pa.schema(
    [("record_id", pa.string()), ("true_from", pa.timestamp("us", tz="UTC")), ("profile_id", pa.string())]
)
"""One row for each moment from which a record was in another profile."""


def timelines(records: pa.Table, edges: pa.Table, assignments: pa.Table) -> pa.Table:
    """The timelines of all records, by all that is known now.

    Args:
        records: identity.records.
        edges: identity.edges.
        assignments: identity.assignments, for the own id of each record.

    Returns:
        ``TIMELINE``, by record and time. An edge without a date counts for nothing; the gate finds it.
    """
    landed = query(
        """SELECT record_id, own_profile_id, first_seen,
                  row_number() OVER (ORDER BY landed_landing, landed_source, landed_position, record_id) - 1 AS place
           FROM records JOIN assignments USING (record_id) ORDER BY place""",
        records=records,
        assignments=assignments,
    )
    linked = query(
        """SELECT l.place AS left_place, r.place AS right_place, since FROM edges
           JOIN landed AS l ON l.record_id = left_record JOIN landed AS r ON r.record_id = right_record
           WHERE state = 'linked' AND since IS NOT NULL ORDER BY ALL""",
        edges=edges,
        landed=landed,
    )
    node, moment, founder = founders_over_time(
        _microseconds(landed, "first_seen"),
        linked["left_place"].to_numpy(),
        linked["right_place"].to_numpy(),
        _microseconds(linked, "since"),
    )
    told = pa.table(
        {
            "record_id": landed["record_id"].take(pa.array(node)),
            "true_from": pa.array(moment).cast(TIMELINE.field("true_from").type),
            "profile_id": landed["own_profile_id"].take(pa.array(founder)),
        }
    )
    return query("SELECT * FROM told ORDER BY record_id, true_from", told=told)


def founders_over_time(
    born: np.ndarray, left: np.ndarray, right: np.ndarray, since: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """When each node of a forest came to which founder, all trees at a time.

    The last founder of a tree is its least node. It came to a node with the latest edge between the two; before that,
    the node was in the part of the tree that the edges leave which are older than it, and the same is asked of that
    part. So there are as many rounds as one node had founders.

    Args:
        born: The time from which on there is each node; nodes are numbered in the order of founding.
        left: One end of each edge.
        right: The other end.
        since: The time of each edge, not before that of its ends.

    Returns:
        Node, time and founder, one item a change.
    """
    times, rank = np.unique(since, return_inverse=True)
    nodes = np.arange(len(born))
    joined_at = np.full(len(born), np.iinfo(np.int64).max)  # when the nodes came to the founder of the round before
    told: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []
    while len(nodes):
        founder, _ = spanning_forest(len(nodes), left, right)
        is_founder = founder == np.arange(len(nodes))
        # The weakest edge on the path, if the later edge counts as the weaker; ranks keep it exact.
        weakest, _ = weakest_to_roots(
            len(nodes),
            np.flatnonzero(is_founder),
            left,
            right,
            -rank.astype(float),
            np.zeros(len(rank), dtype=np.int64),
        )
        latest = -weakest.astype(np.int64)  # of the edges between a node and its founder; -1 at a founder
        own = is_founder & (born[nodes] < joined_at)  # else it came to an elder in the moment of its first event
        told.append((nodes[own], born[nodes[own]], nodes[own]))
        rest = np.flatnonzero(~is_founder)
        told.append((nodes[rest], times[latest[rest]], nodes[founder[rest]]))
        older = rank < latest[left]
        place = np.cumsum(~is_founder) - 1
        left, right, rank = place[left[older]], place[right[older]], rank[older]
        nodes, joined_at = nodes[rest], times[latest[rest]]
    if not told:
        return nodes, born, nodes
    node, moment, of_founder = (np.concatenate(parts) for parts in zip(*told, strict=True))
    return node, moment, of_founder


def _microseconds(table: pa.Table, column: str) -> np.ndarray:
    """A column of times as whole numbers."""
    return table[column].cast(TIMELINE.field("true_from").type).cast(pa.int64()).to_numpy()

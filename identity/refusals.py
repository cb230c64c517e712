"""Who refused that their records are put together: those stand alone.

The purpose is declared in contracts/identity.yml. A person are the records that evidence, constraints and decisions
make one profile, as if nobody had refused; if the statement of one of them that counts refuses, each stands alone. For
a person who refuses in a banner means their account, their browsers and their mail alike.

What is found is a function of silver, the decisions, the contract and the model. Nothing that was joined before plays
a part, so that a later grant joins again what it would have joined. Whoever is in another profile loses nothing: a link
is within a profile, so that those that go are of records that stand alone.
"""

import pyarrow as pa

from contracts.link import REFUSED
from contracts.purpose import REFUSALS
from identity.cluster import Clusters
from identity.evidence import IS_UNLINK
from identity.sql import query

_REFUSES = f"IN ({', '.join(repr(status) for status in REFUSALS)})"


def without_refused(records: pa.Table, clusters: Clusters) -> Clusters:
    """Take the people apart who refused.

    Args:
        records: identity.records.
        clusters: Of these records, as if nobody had refused.

    Returns:
        The same, with every record of such a person a cluster of its own, and every edge at it blocked.
    """
    apart = kept_apart(records, clusters.members)
    if apart.num_rows == 0:
        return clusters
    members = query(
        """SELECT m.* REPLACE (apart.refused_by AS refused_by,
                               CASE WHEN apart.refused_by IS NULL THEN cluster
                                    ELSE -row_number() OVER (ORDER BY record_id) END AS cluster)
           FROM members AS m LEFT JOIN apart USING (record_id) ORDER BY record_id""",
        members=clusters.members,
        apart=apart,
    )
    return Clusters(refused(clusters.edges, apart), members)


def kept_apart(records: pa.Table, members: pa.Table) -> pa.Table:
    """The records that stand alone: record_id and refused_by, the event that says so; their own before another's.

    Args:
        records: identity.records.
        members: ``Clusters.members``.
    """
    return query(
        f"""WITH refusing AS (
               SELECT record_id, linking_event AS event_id, (list_position({list(REFUSALS)}, linking), linking_event)
                      AS place FROM records WHERE linking {_REFUSES}),
           people AS (
               SELECT cluster, arg_min(event_id, place) AS event_id
               FROM members JOIN refusing USING (record_id) GROUP BY cluster)
           SELECT record_id, coalesce(refusing.event_id, people.event_id) AS refused_by
           FROM members JOIN people USING (cluster) LEFT JOIN refusing USING (record_id) ORDER BY record_id""",
        records=records.select(["record_id", "linking", "linking_event"]),
        members=members.select(["record_id", "cluster"]),
    )


def refused(edges: pa.Table, apart: pa.Table) -> pa.Table:
    """identity.edges, each that ends at a record of ``kept_apart`` blocked; a steward's unlink keeps its own reason."""
    by = "least(l.refused_by, r.refused_by)"
    is_refused = f"{by} IS NOT NULL AND NOT {IS_UNLINK}"
    return query(
        f"""SELECT edges.* REPLACE (CASE WHEN {is_refused} THEN 'blocked' ELSE edges.state END AS state,
                                    CASE WHEN {is_refused} THEN '{REFUSED}: event ' || {by}
                                         ELSE edges.reason END AS reason)
            FROM edges LEFT JOIN apart AS l ON l.record_id = left_record
            LEFT JOIN apart AS r ON r.record_id = right_record""",
        edges=edges,
        apart=apart,
    )

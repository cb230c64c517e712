"""Who refused that their records are put together, and what becomes of the evidence between those.

The purpose is declared in contracts/identity.yml. A record whose own statement that counts refuses stands alone. The
rest of the person are the records that evidence, constraints and decisions would make one profile with it, had nobody
refused: a person who refuses in a banner means their account, their browsers and their mail alike. Over these the
statement given last counts, as for any purpose; if it refuses, each of them stands alone, too.

So records are clustered first as if nobody had refused, and where somebody did again, with every edge at a record that
is kept apart blocked. What is found is a function of silver, the decisions, the contract and the model; nothing that
was joined before plays a part, so that a later grant joins again what it would have joined.
"""

from collections.abc import Mapping

import pyarrow as pa

from contracts.identity import IdentityRules
from contracts.purpose import STRICTEST_FIRST
from identity.cluster import Clusters, cluster
from identity.edges import STEWARD
from identity.evidence import IS_UNLINK, REFUSED
from identity.sql import query

REFUSING = tuple(status for status in STRICTEST_FIRST if status != "granted")

_REFUSES = f"IN ({', '.join(repr(status) for status in REFUSING)})"
_REASON = f"'{REFUSED}: event ' || least(l.refused_by, r.refused_by)"
_AT_BOTH_ENDS = """LEFT JOIN apart AS l ON l.record_id = left_record
                   LEFT JOIN apart AS r ON r.record_id = right_record"""


def refusing(records: pa.Table) -> list[str]:
    """record_id of those who refused themselves.

    Args:
        records: identity.records.
    """
    found = query(
        f"SELECT record_id FROM records WHERE linking {_REFUSES} ORDER BY record_id",
        records=records.select(["record_id", "linking"]),
    )
    return found["record_id"].to_pylist()


def cluster_within_consent(
    records: pa.Table,
    identifiers: pa.Table,
    edges: pa.Table,
    rules: IdentityRules,
    cannot_link: Mapping[tuple[str, str], int] | None = None,
) -> Clusters:
    """As ``cluster``, with every record apart of which, or of whose person, linking was refused.

    Args:
        records: identity.records.
        identifiers: identity.identifiers.
        edges: As for ``cluster``. On a value that a refusing record holds, they join each two holders, as for records
            that a decision keeps apart.
        rules: The contract.
        cannot_link: As for ``cluster``.
    """
    free = cluster(records, identifiers, edges, rules, cannot_link)
    apart = kept_apart(records, free.members)
    if apart.num_rows == 0:
        return free
    homes = query(
        """SELECT record_id FROM members WHERE component IN (
               SELECT component FROM members SEMI JOIN apart USING (record_id))""",
        members=free.members,
        apart=apart,
    )
    again = cluster(
        _of(records, homes), _of(identifiers, homes), _blocked(_between(edges, homes), apart), rules, cannot_link
    )
    elsewhere = query(
        """SELECT * FROM edges WHERE left_record NOT IN (SELECT record_id FROM homes)
                                   OR right_record NOT IN (SELECT record_id FROM homes)""",
        edges=free.edges,
        homes=homes,
    )
    members = query(
        """SELECT m.* REPLACE (apart.refused_by AS refused_by) FROM (
               SELECT * FROM free ANTI JOIN homes USING (record_id) UNION ALL
               SELECT * REPLACE (cluster + (SELECT count(*) FROM free) AS cluster) FROM again) AS m
           LEFT JOIN apart USING (record_id) ORDER BY record_id""",
        free=free.members,
        again=again.members,
        homes=homes,
        apart=apart,
    )
    return Clusters(pa.concat_tables([again.edges, refused(elsewhere, apart)]), members)


def kept_apart(records: pa.Table, members: pa.Table) -> pa.Table:
    """The records that stand alone: record_id and refused_by, the event that says so.

    Args:
        records: identity.records.
        members: ``Clusters.members``, clustered as if nobody had refused.
    """
    return query(
        f"""WITH told AS (
               SELECT record_id, cluster, linking AS status, linking_event AS event_id,
                      CASE WHEN linking IS NOT NULL THEN (-epoch_us(linking_said_at),
                           list_position({list(STRICTEST_FIRST)}, linking), linking_event) END AS place
               FROM members JOIN records USING (record_id)),
           people AS (
               SELECT cluster, arg_min(status, place) AS status, arg_min(event_id, place) AS event_id
               FROM told WHERE status IS NOT NULL GROUP BY cluster)
           SELECT record_id, CASE WHEN told.status {_REFUSES} THEN told.event_id ELSE people.event_id END AS refused_by
           FROM told JOIN people USING (cluster)
           WHERE coalesce(told.status {_REFUSES}, false) OR people.status {_REFUSES} ORDER BY record_id""",
        records=records.select(["record_id", "linking", "linking_said_at", "linking_event"]),
        members=members.select(["record_id", "cluster"]),
    )


def refused(edges: pa.Table, apart: pa.Table) -> pa.Table:
    """identity.edges, each that ends at a record of ``kept_apart`` blocked; a steward's unlink keeps its own reason."""
    is_refused = f"({_REASON}) IS NOT NULL AND NOT {IS_UNLINK}"
    return query(
        f"""SELECT edges.* REPLACE (CASE WHEN {is_refused} THEN 'blocked' ELSE edges.state END AS state,
                                    CASE WHEN {is_refused} THEN {_REASON} ELSE edges.reason END AS reason)
            FROM edges {_AT_BOTH_ENDS}""",
        edges=edges,
        apart=apart,
    )


def _blocked(edges: pa.Table, apart: pa.Table) -> pa.Table:
    """``refused`` of evidence (EDGE_COLUMNS), before it is clustered."""
    return query(
        f"""SELECT edges.* REPLACE (CASE WHEN rule = '{STEWARD}' AND blocked IS NOT NULL THEN blocked
                                         ELSE coalesce({_REASON}, blocked) END AS blocked)
            FROM edges {_AT_BOTH_ENDS}""",
        edges=edges,
        apart=apart,
    )


def _between(edges: pa.Table, homes: pa.Table) -> pa.Table:
    return query(
        """SELECT * FROM edges SEMI JOIN homes AS l ON l.record_id = left_record
           SEMI JOIN homes AS r ON r.record_id = right_record""",
        edges=edges,
        homes=homes,
    )


def _of(table: pa.Table, homes: pa.Table) -> pa.Table:
    return query("SELECT * FROM rows SEMI JOIN homes USING (record_id)", rows=table, homes=homes)

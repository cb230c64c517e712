"""From evidence to profiles: records joined along their edges, each cluster with the id of its founder."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.assign import assign
from identity.cluster import cluster
from identity.records import Nodes
from identity.sql import query

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Resolution:
    """The identity tables but the nodes.

    Attributes:
        edges: identity.edges; if they are ``spread``, those that joined or are open, without their evidence.
        assignments: identity.assignments.
        spread: identity.edges in Spark, where that was the engine.
    """

    edges: pa.Table
    assignments: pa.Table
    spread: "DataFrame | None" = None


def join(
    nodes: Nodes,
    edges: pa.Table,
    rules: IdentityRules,
    key: bytes,
    cannot_link: Mapping[tuple[str, str], int] | None = None,
) -> Resolution:
    """Cluster the records along the edges and give each cluster its founder's id."""
    clusters = cluster(nodes.records, nodes.identifiers, edges, rules, cannot_link)
    assignments = assign(nodes.records, clusters.members, clusters.edges, key)
    return Resolution(dated(clusters.edges, nodes.records), assignments)


def dated(edges: pa.Table, records: pa.Table) -> pa.Table:
    """Add ``since``: when both records of an edge were known.

    An edge of an unknown record stays, undated, for the gate to find.
    """
    return query(
        """SELECT edges.*, CASE WHEN l.first_seen IS NOT NULL AND r.first_seen IS NOT NULL
                              THEN greatest(l.first_seen, r.first_seen) END AS since
           FROM edges
           LEFT JOIN records AS l ON l.record_id = left_record LEFT JOIN records AS r ON r.record_id = right_record
           ORDER BY left_record, right_record, kind, rule, evidence""",
        edges=edges,
        records=records,
    )

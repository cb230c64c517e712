"""From evidence to profiles: records joined along their edges, each cluster with the id of its founder."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.assign import assign
from identity.cluster import cluster
from identity.decisions import Decision, among, decided_edges, kept_apart
from identity.edges import deterministic_edges
from identity.records import Nodes
from identity.refusals import without_refused
from identity.rivals import block_rivals
from identity.sql import query

if TYPE_CHECKING:
    from pyspark.sql import DataFrame


@dataclass(frozen=True)
class Resolution:
    """The identity tables but the nodes.

    Attributes:
        edges: identity.edges; if they are ``spread``, those that joined, without their evidence.
        assignments: identity.assignments.
        spread: identity.edges in Spark, where that was the engine.
    """

    edges: pa.Table
    assignments: pa.Table
    spread: "DataFrame | None" = None


def resolved(
    nodes: Nodes, scored: pa.Table, decisions: Iterable[Decision], rules: IdentityRules, key: bytes
) -> Resolution:
    """Resolve records that fit memory.

    Args:
        nodes: The records and what they hold.
        scored: Probabilistic edges between them, ``score.probabilistic_edges``.
        decisions: Those that stand.
        rules: The contract.
        key: The lake's identity key.
    """
    about = among(decisions, nodes.records)
    return join(nodes, evidence(nodes, scored, about, rules, key), rules, key, kept_apart(about))


def evidence(nodes: Nodes, scored: pa.Table, decisions: list[Decision], rules: IdentityRules, key: bytes) -> pa.Table:
    """All edges of ``resolved``, with EDGE_COLUMNS, before they are joined."""
    apart = {record for pair in kept_apart(decisions) for record in pair}
    shared = deterministic_edges(nodes.records, nodes.identifiers, rules, key, apart)
    return pa.concat_tables([shared, block_rivals(scored, nodes.records, rules), decided_edges(decisions, rules)])


def join(
    nodes: Nodes,
    edges: pa.Table,
    rules: IdentityRules,
    key: bytes,
    cannot_link: Mapping[tuple[str, str], int] | None = None,
) -> Resolution:
    """Cluster the records along the edges and give each cluster its founder's id."""
    clusters = without_refused(nodes.records, cluster(nodes.records, nodes.identifiers, edges, rules, cannot_link))
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

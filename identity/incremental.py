"""A run after a run: only what changed is resolved, and the answer is that of a full run.

The identity tables are a function of silver, the decisions, the contract, the model and the key. Where only data and
decisions differ from those of the run before, the records that changed are found, the evidence that changes with them,
and the components that either touches; those are clustered again, with all their edges, and all others keep what they
have. A component is touched whole, because within it the order of edges decides which unions are refused.
"""

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from contracts.identity import IdentityRules
from identity.cluster import in_order
from identity.decisions import Decision, among, kept_apart
from identity.model import Model
from identity.records import Nodes, Said
from identity.refusals import refused
from identity.rejoined import ChangedEdges, changed_edges, current
from identity.resolution import Resolution, dated, join
from identity.rivals import block_rivals
from identity.sql import query
from identity.stored import Stored
from identity.touched import ChangedNodes, changed_nodes


@dataclass(frozen=True)
class Replacement:
    """What takes the place of rows of the identity tables.

    Attributes:
        renewed: record_id of those whose rows of records and identifiers ``nodes`` replaces.
        nodes: Those rows.
        touched: record_id of those whose assignments, and whose edges with each other, ``resolution`` replaces.
        flipped: record_id of those of them that are kept apart by a refusal and were not, or the other way round, or by
            another event: ``resolution`` replaces all their edges.
        resolution: Those rows.
        records: identity.records of the touched that are there.
    """

    renewed: pa.Table
    nodes: Nodes
    touched: pa.Table
    flipped: pa.Table
    resolution: Resolution
    records: pa.Table

    def parts(self) -> dict[str, tuple[str, pa.Table, pa.Table]]:
        """For each identity table: the rows of it that stay, as SQL over ``gone``, then ``gone``, and the new rows."""
        by_record = "SELECT * FROM {} ANTI JOIN gone USING (record_id)"
        by_ends = """SELECT * FROM {} WHERE NOT (left_record IN (SELECT record_id FROM gone)
                                                 AND right_record IN (SELECT record_id FROM gone))
                     AND left_record NOT IN (SELECT record_id FROM gone WHERE is_flipped)
                     AND right_record NOT IN (SELECT record_id FROM gone WHERE is_flipped)"""
        ends = query(
            "SELECT record_id, record_id IN (SELECT record_id FROM flipped) AS is_flipped FROM touched",
            touched=self.touched,
            flipped=self.flipped,
        )
        return {
            "identity.records": (by_record, self.renewed, self.nodes.records),
            "identity.identifiers": (by_record, self.renewed, self.nodes.identifiers),
            "identity.edges": (by_ends, ends, self.resolution.edges),
            "identity.assignments": (by_record, self.touched, self.resolution.assignments),
        }


def replacement(
    stored: Stored,
    candidates: pa.Table,
    said: Said,
    decisions: list[Decision],
    rules: IdentityRules,
    model: Model,
    key: bytes,
) -> Replacement:
    """Resolve what differs from the stored tables.

    Args:
        stored: The identity tables, made under the same contract, model and key.
        candidates: record_id of the records that may say something else than when those were made.
        said: What the candidates say now.
        decisions: Those that stand now.
        rules: The contract.
        model: The trained model.
        key: The lake's identity key.
    """
    nodes = changed_nodes(stored, candidates, said, rules)
    decisions = among(decisions, current(stored, "records", nodes, _named(decisions)))
    edges = changed_edges(stored, nodes, decisions, rules, model, key)
    touched = _touched(stored, nodes, edges)
    there = Nodes(current(stored, "records", nodes, touched), current(stored, "identifiers", nodes, touched))
    evidence = _evidence(stored, edges, touched, there.records, rules)
    resolution = join(there, evidence, rules, key, kept_apart(decisions))
    flipped = _flipped(stored, resolution.assignments)
    resolution = replace(
        resolution,
        edges=pa.concat_tables([resolution.edges, _across(stored, nodes, touched, flipped, resolution, rules)]),
    )
    return Replacement(nodes.renewed, nodes.nodes, touched, flipped, resolution, there.records)


def _flipped(stored: Stored, assignments: pa.Table) -> pa.Table:
    """record_id of the records of which a refusal says something else than is stored."""
    return stored.query(
        """SELECT record_id FROM assignments LEFT JOIN identity.assignments AS was USING (record_id)
           WHERE assignments.refused_by IS DISTINCT FROM was.refused_by""",
        assignments=assignments.select(["record_id", "refused_by"]),
    )


def _across(
    stored: Stored,
    nodes: ChangedNodes,
    touched: pa.Table,
    flipped: pa.Table,
    resolution: Resolution,
    rules: IdentityRules,
) -> pa.Table:
    """The edges between flipped records and those that are not touched, as identity.edges.

    Such an edge joins nothing, or it would have touched both: it awaits review or is blocked, and by what is told by
    its evidence and by the refusals alone.
    """
    apart = stored.query(
        """SELECT record_id, refused_by FROM assignments WHERE refused_by IS NOT NULL
           UNION ALL SELECT record_id, refused_by FROM identity.assignments ANTI JOIN touched USING (record_id)
           WHERE refused_by IS NOT NULL""",
        assignments=resolution.assignments.select(["record_id", "refused_by"]),
        touched=touched,
    )
    evidence = stored.evidence(
        """WHERE left_record IN (SELECT record_id FROM flipped) AND right_record NOT IN (SELECT record_id FROM touched)
              OR right_record IN (SELECT record_id FROM flipped) AND left_record NOT IN (SELECT record_id FROM touched)
        """,
        rules,
        flipped=flipped,
        touched=touched,
    )
    ends = query("SELECT left_record AS record_id FROM e UNION SELECT right_record FROM e", e=evidence)
    found = refused(in_order(evidence, rules), apart).drop_columns(["priority", "blocked"])
    return dated(found, current(stored, "records", nodes, ends)).select(resolution.edges.column_names)


def _named(decisions: list[Decision]) -> pa.Table:
    """record_id of the records that decisions are about."""
    named = {record for item in decisions for record in item.pair}
    return pa.table({"record_id": pa.array(sorted(named), pa.string())})


def _touched(stored: Stored, nodes: ChangedNodes, edges: ChangedEdges) -> pa.Table:
    """record_id of the components, as they were and as they will be, that hold a change; gone records included.

    Stored edges that join are within a profile, or were refused between two; new ones end at records that differ.
    """
    members, refused = stored.members(), stored.refused()
    touched = query(
        "SELECT record_id FROM changed UNION SELECT record_id FROM ends", changed=nodes.changed, ends=edges.ends()
    )
    reached = 0
    while touched.num_rows > reached:
        reached = touched.num_rows
        touched = query(
            """WITH mates AS (
                   SELECT record_id FROM touched UNION
                   SELECT record_id FROM members SEMI JOIN (
                       SELECT DISTINCT profile_id FROM members SEMI JOIN touched USING (record_id))
                   USING (profile_id))
               SELECT record_id FROM mates
               UNION SELECT right_record FROM refused WHERE left_record IN (FROM mates)
               UNION SELECT left_record FROM refused WHERE right_record IN (FROM mates)""",
            touched=touched,
            members=members,
            refused=refused,
        )
    return touched


def _evidence(
    stored: Stored, edges: ChangedEdges, touched: pa.Table, records: pa.Table, rules: IdentityRules
) -> pa.Table:
    """The edges between touched records as they are now, with EDGE_COLUMNS.

    Rivals are touched together, since what the model likens enough to link is joined or refused.
    """
    kept = stored.evidence(
        """SEMI JOIN touched AS l ON l.record_id = left_record SEMI JOIN touched AS r ON r.record_id = right_record
           ANTI JOIN dropped USING (left_record, right_record, kind, rule)""",
        rules,
        touched=touched,
        dropped=edges.dropped,
    )
    added = query(
        """SELECT * FROM added
           SEMI JOIN touched AS l ON l.record_id = left_record SEMI JOIN touched AS r ON r.record_id = right_record""",
        added=edges.added,
        touched=touched,
    )
    here = pa.concat_tables([kept, added])
    scored = pc.equal(here["kind"], "probabilistic")
    return pa.concat_tables([here.filter(pc.invert(scored)), block_rivals(here.filter(scored), records, rules)])

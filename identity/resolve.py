"""The step that works out who is who: silver and the stewards' decisions in, the identity tables out.

It reads the live tables and writes each identity table whole, so that running it again after a kill
gives the same result. Nothing in the content depends on the clock, on the order of rows or on an earlier run, but in
identity.history, which keeps what earlier runs said.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.assign import assign
from identity.changes import changes, id_churn, publish_changes
from identity.cluster import cluster
from identity.decisions import decided_edges, kept_apart, read_decisions, standing
from identity.edges import deterministic_edges
from identity.engine import engine_for
from identity.history import append_history, believed_before
from identity.model import Model, compared_people, load_model
from identity.queue import read_value, review_queue
from identity.records import Nodes, build_nodes, read_silver
from identity.rivals import block_rivals
from identity.score import probabilistic_edges
from identity.sql import query
from identity.stitches import read_logins, shared_values, stitches
from identity.timeline import timelines

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.lake import Lake
    from lakehouse.run import Run


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


def resolve(lake: "Lake", run: "Run") -> dict[str, int]:
    """Resolve all records of the lake.

    Returns:
        Counts: records, identifiers, unusable identifiers, edges by kind and by state, profiles, merged profiles,
            spells between log-ins, questions to stewards, and what changed since the run before, as
            ops.identity_changes has it.
    """
    with run.step(lake, "resolve") as step:
        rules = lake.contracts.identity
        key = lake.settings.identity_key
        model = load_model(rules.probabilistic.model)
        silver = read_silver(lake)
        step.say("records read", rows=silver.events.num_rows)
        nodes = build_nodes(silver, rules)
        step.say("identifiers standardised", rows=nodes.identifiers.num_rows)
        decisions = standing(read_decisions(lake), run.as_of)
        step.say("decisions standing", rows=len(decisions))
        decided, apart = decided_edges(decisions, nodes.records, rules), kept_apart(decisions)
        if engine_for(nodes.records.num_rows, lake.settings.identity_engine) == "spark":
            from identity.spark.resolve import resolve_in_parts

            resolution = resolve_in_parts(lake.spark, nodes, decided, rules, model, key, apart)
        else:
            edges = pa.concat_tables([all_edges(nodes, rules, model, key), decided])
            step.say("edges found", rows=edges.num_rows)
            resolution = join(nodes, edges, rules, key, apart)
        counts = _counts(nodes, resolution)
        step.say("profiles", rows=counts["profiles"])
        shared = shared_values(nodes.identifiers, rules)
        spells = stitches(nodes, resolution.assignments, shared, read_logins(lake, shared), rules, key, decisions)
        counts["spells"] = spells.num_rows
        queue = review_queue(resolution.edges, resolution.assignments, nodes.records, read_value(lake, rules))
        counts["questions"] = queue.num_rows
        lake.overwrite("identity.records", nodes.records)
        lake.overwrite("identity.identifiers", nodes.identifiers)
        if resolution.spread is None:
            lake.overwrite("identity.edges", resolution.edges)
        else:
            lake.write_df("identity.edges", resolution.spread)
            resolution.spread.unpersist()
        lake.overwrite("identity.assignments", resolution.assignments)
        lake.overwrite("identity.stitches", spells)
        lake.overwrite("identity.review_queue", queue)
        changed = changes(believed_before(lake, run), resolution.assignments)
        publish_changes(lake, run, changed)  # before the history, by which another try would find nothing changed
        appended = append_history(lake, run, timelines(nodes.records, resolution.edges, resolution.assignments))
        step.say("history appended", rows=appended)
        step.rows, step.message = counts["records"], _told(changed)
    return counts | changed


def all_edges(nodes: Nodes, rules: IdentityRules, model: Model, key: bytes) -> pa.Table:
    """Deterministic and probabilistic edges, side by side."""
    deterministic = deterministic_edges(nodes.records, nodes.identifiers, rules, key)
    people = compared_people(nodes.records)
    probabilistic = probabilistic_edges(people, model, rules.probabilistic.review_weight)
    probabilistic = block_rivals(probabilistic, nodes.records, rules)
    return pa.concat_tables([deterministic, probabilistic])


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


def _told(changed: dict[str, int]) -> str:
    """What changed, in one line of the ledger."""
    named = ", ".join(f"{changed[name]:,} {name}" for name in ("merges", "splits", "redirects"))
    return f"{changed['records_new']:,} new records, {named}, id churn {id_churn(changed):.2%}"


def _counts(nodes: Nodes, resolution: Resolution) -> dict[str, int]:
    usable = Counter(nodes.identifiers["is_usable"].to_pylist())
    if resolution.spread is None:
        kinds, states = (Counter(resolution.edges[name].to_pylist()) for name in ("kind", "state"))
    else:
        kinds, states = (Counter(dict(resolution.spread.groupBy(name).count().collect())) for name in ("kind", "state"))
    profiles = Counter(resolution.assignments["profile_id"].to_pylist())
    return {
        "records": nodes.records.num_rows,
        "identifiers": nodes.identifiers.num_rows,
        "unusable": usable[False],
        "deterministic": kinds["deterministic"],
        "inferred": kinds["inferred"],
        "probabilistic": kinds["probabilistic"],
        "linked": states["linked"],
        "redundant": states["redundant"],
        "review": states["review"],
        "blocked": states["blocked"],
        "profiles": len(profiles),
        "joined_profiles": sum(1 for records in profiles.values() if records > 1),
        "biggest_profile": max(profiles.values(), default=0),
    }

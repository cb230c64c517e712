"""The step that works out who is who: silver and the stewards' decisions in, the identity tables out.

It reads the live tables and writes each identity table whole, so that running it again after a kill
gives the same result. Nothing in the content depends on the clock, on the order of rows or on an earlier run, but in
identity.history, which keeps what earlier runs said.
"""

from collections import Counter
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.changes import changes, id_churn, publish_changes
from identity.decisions import decided_edges, kept_apart, read_decisions, standing
from identity.edges import deterministic_edges
from identity.history import append_history, believed_before
from identity.model import Model, compared_people, load_model
from identity.queue import read_value, review_queue
from identity.records import Nodes, build_nodes, read_silver
from identity.resolution import Resolution, join
from identity.score import probabilistic_edges
from identity.timeline import timelines

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run


def resolve(lake: "Lake", run: "Run") -> dict[str, int]:
    """Resolve all records of the lake.

    Returns:
        Counts: records, identifiers, unusable identifiers, edges by kind and by state, profiles, merged
            profiles, questions to stewards, and what changed since the run before, as ops.identity_changes has it.
    """
    with run.step(lake, "resolve") as step:
        rules = lake.contracts.identity
        key = lake.settings.identity_key
        model = load_model(rules.probabilistic.model)
        silver = read_silver(lake)
        step.say("records read", rows=silver.events.num_rows)
        nodes = build_nodes(silver, rules)
        step.say("identifiers standardised", rows=nodes.identifiers.num_rows)
        edges = all_edges(nodes, rules, model, key)
        step.say("edges found", rows=edges.num_rows)
        decisions = standing(read_decisions(lake), run.as_of)
        step.say("decisions standing", rows=len(decisions))
        edges = pa.concat_tables([edges, decided_edges(decisions, nodes.records, rules)])
        resolution = join(nodes, edges, rules, key, kept_apart(decisions))
        counts = _counts(nodes, resolution)
        step.say("profiles", rows=counts["profiles"])
        queue = review_queue(resolution.edges, resolution.assignments, nodes.records, read_value(lake, rules))
        counts["questions"] = queue.num_rows
        lake.overwrite("identity.records", nodes.records)
        lake.overwrite("identity.identifiers", nodes.identifiers)
        lake.overwrite("identity.edges", resolution.edges)
        lake.overwrite("identity.assignments", resolution.assignments)
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
    return pa.concat_tables([deterministic, probabilistic])


def _told(changed: dict[str, int]) -> str:
    """What changed, in one line of the ledger."""
    named = ", ".join(f"{changed[name]:,} {name}" for name in ("merges", "splits", "redirects"))
    return f"{changed['records_new']:,} new records, {named}, id churn {id_churn(changed):.2%}"


def _counts(nodes: Nodes, resolution: Resolution) -> dict[str, int]:
    usable = Counter(nodes.identifiers["is_usable"].to_pylist())
    kinds = Counter(resolution.edges["kind"].to_pylist())
    states = Counter(resolution.edges["state"].to_pylist())
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

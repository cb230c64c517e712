"""What a run would make of other rules or another model: resolved in memory, compared, nothing written."""

import datetime
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts.identity import IdentityRules
from identity.decisions import read_decisions, standing
from identity.diff import Difference, difference, unusable
from identity.model import Model, compared_people, load_model
from identity.moved_visits import visits_moved
from identity.records import Nodes, build_nodes, read_silver
from identity.resolution import resolved
from identity.score import probabilistic_edges
from identity.stitches import spells_under

if TYPE_CHECKING:
    from lakehouse.lake import Lake

Say = Callable[[str, int], None]


def rehearse(lake: "Lake", rules: IdentityRules, as_of: datetime.date, examples: int, say: Say) -> Difference:
    """Resolve the lake's records under the rules in use and under ``rules``, and compare.

    Both sides are resolved from silver as it is, because the identity tables may be older than silver and their
    difference would not be that of the rules.

    Args:
        lake: The lake.
        rules: The new rules, with the model that they name.
        as_of: Decisions that stand on this date are gone by on both sides.
        examples: How many merges and how many splits to show.
        say: Hears of each thing done, with a number of rows.
    """
    used = lake.contracts.identity
    own = lake.settings.models
    models = load_model(used.probabilistic.model, own), load_model(rules.probabilistic.model, own)
    decisions = standing(read_decisions(lake), as_of)
    silver = read_silver(lake, used)
    say("records read", silver.events.num_rows)
    same_purpose = rules.linking == used.linking
    nodes = build_nodes(silver, used), build_nodes(silver if same_purpose else read_silver(lake, rules), rules)
    scored = _scored(nodes, (used, rules), models, say)
    key = lake.settings.identity_key
    before, after = (
        resolved(side, edges, decisions, its_rules, key)
        for side, edges, its_rules in zip(nodes, scored, (used, rules), strict=True)
    )
    say("profiles under the new rules", len(set(after.assignments["profile_id"].to_pylist())))
    unusable_before, unusable_after = (unusable(side.identifiers) for side in nodes)
    found = difference(before, after, unusable_before, unusable_after, examples)
    old, new = (
        spells_under(lake, side.identifiers, resolution.assignments, its_rules, decisions)
        for side, resolution, its_rules in zip(nodes, (before, after), (used, rules), strict=True)
    )
    return replace(found, visits_moved=visits_moved(lake, old, new, after.assignments))


def _scored(
    nodes: tuple[Nodes, Nodes], rules: tuple[IdentityRules, IdentityRules], models: tuple[Model, Model], say: Say
) -> tuple[pa.Table, pa.Table]:
    """The probabilistic edges of both sides; scored once where nothing that the model reads differs."""
    people = compared_people(nodes[0].records), compared_people(nodes[1].records)
    before = probabilistic_edges(people[0], models[0], rules[0].probabilistic.review_weight)
    say("pairs weighed under the rules in use", before.num_rows)
    same_thresholds = rules[0].probabilistic.review_weight == rules[1].probabilistic.review_weight
    if models[0] == models[1] and same_thresholds and people[0].equals(people[1]):
        return before, before
    after = probabilistic_edges(people[1], models[1], rules[1].probabilistic.review_weight)
    say("pairs weighed under the new rules", after.num_rows)
    return before, after

"""Timelines: when each record came to which profile, against an independent solver."""

import datetime
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.timeline import founders_over_time, timelines

FEW = settings(max_examples=60, deadline=None, derandomize=True)


def told(town):
    """What the timelines of a town say: record to [(day, founder)], days counted from the first of 2017."""
    resolution = town.resolve()
    founders = {row["own_profile_id"]: row["record_id"] for row in resolution.assignments.to_pylist()}
    first = datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC)
    found: dict[str, list[tuple[int, str]]] = {}
    for row in timelines(town.nodes().records, resolution.edges, resolution.assignments).to_pylist():
        moment = ((row["true_from"] - first).days, founders[row["profile_id"]])
        found.setdefault(row["record_id"], []).append(moment)
    return found


def test_a_late_bridge_brings_the_younger_to_the_elders_profile_when_it_came(town):
    town.record("crm:1", 0, email="ann@mail.net").record("crm:2", 3, email="ann@post.org")
    town.record("account:u1", 9, email=["ann@mail.net", "ann@post.org"])
    assert told(town) == {
        "crm:1": [(0, "crm:1")],
        "crm:2": [(3, "crm:2"), (9, "crm:1")],
        "account:u1": [(9, "crm:1")],
    }


def test_an_elder_by_landing_that_was_seen_later_takes_over_when_it_is_seen(town):
    town.record("crm:1", 30, email="ann@mail.net").record("crm:2", 0, email="ann@mail.net")
    assert told(town) == {"crm:1": [(30, "crm:1")], "crm:2": [(0, "crm:2"), (30, "crm:1")]}


def test_a_chain_that_grows_towards_its_eldest_changes_hands_with_each_link(town):
    town.record("crm:1", 30, email="c@mail.net")
    town.record("crm:2", 20, email=["b@mail.net", "c@mail.net"]).record("crm:3", 10, email=["a@mail.net", "b@mail.net"])
    town.record("crm:4", 0, email="a@mail.net")
    assert told(town)["crm:4"] == [(0, "crm:4"), (10, "crm:3"), (20, "crm:2"), (30, "crm:1")]


def test_an_unlink_leaves_no_trace_in_the_time_of_the_world(town):
    town.record("crm:1", 0, email="ann@mail.net").record("crm:2", 5, email="ann@mail.net")
    together = told(town)
    assert together["crm:2"] == [(5, "crm:1")]
    town.decide("unlink", "crm:1", "crm:2")
    assert told(town) == {"crm:1": [(0, "crm:1")], "crm:2": [(5, "crm:2")]}


def test_without_records_there_are_no_timelines(town):
    assert told(town) == {}


def oracle(born, edges):
    """Each node's changes of founder, by asking for the components at every moment that something happened."""
    found = {}
    for moment in sorted({*born, *(since for *_, since in edges)}):
        leader = {node: node for node, seen in enumerate(born) if seen <= moment}
        for left, right, since in edges:
            if since <= moment:
                low, high = sorted((leader[left], leader[right]))
                leader = {node: low if at == high else at for node, at in leader.items()}
        for node, founder in leader.items():
            if not found.get(node) or found[node][-1][1] != founder:
                found.setdefault(node, []).append((moment, founder))
    return found


def changes_of(born, edges):
    left, right, since = (np.array([edge[at] for edge in edges], dtype=np.int64) for at in range(3))
    found: dict[int, list[tuple[int, int]]] = {}
    rows = founders_over_time(np.array(born, dtype=np.int64), left, right, since)
    for node, moment, founder in sorted(zip(*(column.tolist() for column in rows), strict=True)):
        found.setdefault(node, []).append((moment, founder))
    return found


@FEW
@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.data())
def test_changes_of_founder_are_those_of_the_components_at_every_moment(born, data):
    edges = []
    for node in range(1, len(born)):  # a forest: each node hangs on one before it, or on none
        other = data.draw(st.none() | st.integers(0, node - 1))
        if other is not None:
            edges.append((node, other, max(born[node], born[other]) + data.draw(st.integers(0, 4))))
    names = data.draw(st.permutations(range(len(born))))  # so that the order of landing is no order of the forest
    seen = [born[names.index(node)] for node in range(len(born))]
    named = [(names[left], names[right], since) for left, right, since in edges]
    assert changes_of(seen, named) == oracle(seen, named)


@pytest.mark.parametrize("seed", range(4))
def test_large_forests_with_few_moments_too(seed):
    chance = random.Random(seed)
    born = [chance.randrange(5) for _ in range(120)]
    edges = [
        (node, other, max(born[node], born[other]))
        for node in range(1, 120)
        if chance.random() < 0.8
        for other in [chance.randrange(max(0, node - 6), node)]
    ]
    assert edges
    assert changes_of(born, edges) == oracle(born, edges), seed

"""False and missed merges by group, worked out by hand and against every pair counted one by one."""

from itertools import combinations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from identity.evaluation import missed
from identity.subgroups import subgroups

SMALL = st.integers(0, 2)


def judged(rows):
    """Rows of record, profile, person and reach."""
    names = ("record_id", "profile_id", "person_id", "reach")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def members(rows):
    names = ("record_id", "dimension", "value")
    return pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in rows])


def test_a_wrong_pair_counts_for_the_groups_of_both_and_a_missed_one_for_its_own():
    rows = [("a", "p1", "ann", 1), ("b", "p1", "ben", 2), ("c", "p2", "ben", 2), ("d", "p3", "ann", 9)]
    found = subgroups(
        judged(rows), members([("a", "age", "old"), ("d", "age", "old"), ("b", "age", "young"), ("c", "age", "young")])
    )
    old, young = found
    assert (old.value, old.records, old.people, old.found_pairs, old.true_pairs) == ("old", 2, 1, 1, 1)
    assert (old.false_merges, old.missed_merges, old.missed_within_reach) == (1.0, 1.0, None)
    assert (young.false_merges, young.missed_merges, young.missed_within_reach) == (1.0, 1.0, 1.0)


def test_a_record_of_two_sources_counts_for_both():
    rows = [("a", "p1", "ann", 1), ("b", "p1", "ann", 1)]
    found = subgroups(judged(rows), members([("a", "source", "crm"), ("a", "source", "web"), ("b", "source", "web")]))
    assert [(group.value, group.right_pairs, group.false_merges) for group in found] == [
        ("crm", 1, 0.0),
        ("web", 1, 0.0),
    ]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(SMALL, SMALL, SMALL, st.booleans()), max_size=8))
def test_the_counts_are_those_of_all_pairs_looked_at_one_by_one(said):
    rows = [(f"r{at}", f"p{profile}", f"n{person}", reach) for at, (profile, person, reach, _) in enumerate(said)]
    inside = {f"r{at}" for at, row in enumerate(said) if row[3]}
    found = subgroups(judged(rows), members([(record, "group", "in") for record in sorted(inside)])) if inside else ()
    touching = [(x, y) for x, y in combinations(rows, 2) if {x[0], y[0]} & inside]
    expected = (
        sum(x[2] == y[2] for x, y in touching),
        sum(x[2:] == y[2:] for x, y in touching),
        sum(x[1] == y[1] for x, y in touching),
        sum(x[1:3] == y[1:3] for x, y in touching),
        sum(x[1:] == y[1:] for x, y in touching),
    )
    counted = [(g.true_pairs, g.reachable_pairs, g.found_pairs, g.right_pairs, g.right_reachable_pairs) for g in found]
    assert counted == ([expected] if inside else [])


def test_a_missed_pair_is_told_by_the_edge_that_does_not_join_or_by_the_lack_of_one():
    rows = [("a", "p1", "ann", 1), ("b", "p2", "ann", 1), ("c", "p3", "ann", 1), ("d", "p4", "ann", 2)]
    edges = pa.Table.from_pylist(
        [
            {"left_record": "a", "right_record": "b", "state": "review", "match_weight": 3.0, "reason": "weight 3.00"},
            {
                "left_record": "a",
                "right_record": "b",
                "state": "blocked",
                "match_weight": 9.0,
                "reason": "rule: x",
            },
            {
                "left_record": "b",
                "right_record": "c",
                "state": "blocked",
                "match_weight": 9.0,
                "reason": "rule: x",
            },
        ]
    )
    found = {item.cause: item.pairs for item in missed(judged(rows), edges)}
    assert found == {
        "awaits review": 1, "refused: rule": 1, "too little evidence for an edge": 1, "no evidence": 3
    }  # fmt: skip

"""Explanations on a small lake: the best chain between two people, what they lack, how a profile was built. No JVM."""

import datetime
import itertools
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.catalog import Contracts
from identity.cluster import in_order
from identity.edges import EDGE_COLUMNS, edge_table
from identity.evidence import Edge
from identity.explain import explain
from identity.merges import build_up, merges
from identity.paths import MOST_STOPS, strongest_path
from lakehouse.lake import Lake
from lakehouse.settings import Settings

DAY = datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC)
RULES = Contracts().identity
WORDS = {"first_name": "ann", "last_name": "lee", "birth_date": datetime.date(1984, 3, 9), "street": "12 oak street",
         "postcode": "12207", "city": "albany"}  # fmt: skip


def edge(left, right, state="linked", weight=6.63, **said):
    one, other = sorted((left, right))
    given = {"kind": "deterministic", "rule": "email", "evidence": {"identifier": "email", "values": []}} | said
    reason = None if state == "linked" else f"why {one} {other}"
    return Edge(one, other, match_weight=weight, probability=1 / (1 + 2**-weight), model_version="rules-1",
                state=state, reason=reason, since=None, **given)  # fmt: skip


def write(home, profiles, edges, said=None, identifiers=()):
    """A lake in which each profile is its first record's, with these edges."""
    lake = Lake(Settings(home=home, identity_secret=SecretStr("a key for tests")))
    lake.ensure_tables()
    rows = [(record, records) for records in profiles for record in records]
    lake.overwrite(
        "identity.records",
        [{"record_id": record, "kind": record.split(":")[0], "sources": "crm,web", "landed_landing": 1,
          "landed_source": "crm", "landed_position": number, "first_seen": DAY, "last_seen": DAY, "events": 1}
         | (said or {}).get(record, {}) for number, (record, _) in enumerate(rows)],
    )  # fmt: skip
    lake.overwrite(
        "identity.assignments",
        [{"record_id": record, "profile_id": f"p_{records[0]}", "own_profile_id": f"p_{record}",
          "founder_record_id": records[0],
          "kind": "founder" if record == records[0] else "deterministic", "probability": 0.99, "records": len(records)}
         for record, records in rows],
    )  # fmt: skip
    fields = ("left_record", "right_record", "kind", "rule", "match_weight", "probability", "model_version", "state",
              "reason")  # fmt: skip
    lake.overwrite(
        "identity.edges",
        [{name: getattr(item, name) for name in fields} | {"evidence": json.dumps(item.evidence), "since": DAY}
         for item in edges],
    )  # fmt: skip
    lake.overwrite("identity.identifiers", identifiers)
    return lake


def test_the_best_chain_leads_through_a_third_profile_and_says_where_it_is_stopped(tmp_path):
    edges = [
        edge("crm:1", "crm:2"),
        edge("crm:2", "crm:3", "review", 8.0, kind="probabilistic", rule="model"),
        edge("crm:3", "crm:4"),
        edge("crm:4", "crm:5", "blocked", 7.0),
        edge("crm:1", "crm:5", "review", 1.0, kind="probabilistic", rule="model"),
    ]
    lake = write(tmp_path, [["crm:1", "crm:2"], ["crm:3", "crm:4"], ["crm:5"]], edges)
    answer = explain(lake, "crm:1", "crm:5")
    assert [(item.ends, item.state) for item in answer.path] == [
        (("crm:1", "crm:2"), "linked"), (("crm:2", "crm:3"), "review"), (("crm:3", "crm:4"), "linked"),
        (("crm:4", "crm:5"), "blocked"),
    ]  # fmt: skip
    assert answer.obstacle == answer.path[3]
    assert answer.reason == (
        "email would join them but is blocked: why crm:4 crm:5; the strongest chain of 4 links is stopped in 2 places"
    )
    assert [record.profile_id for record in answer.records] == ["p_crm:1", "p_crm:3", "p_crm:5", "p_crm:1", "p_crm:3"]
    assert answer.probability is None


def test_what_else_was_found_between_the_two_records_is_told_beside_the_chain(tmp_path):
    strong = [edge("crm:a", "mailbox:m", state="blocked"), edge("mailbox:m", "crm:b", state="blocked")]
    weak = edge("crm:a", "crm:b", state="review", weight=1.4, kind="probabilistic", rule="model", evidence={})
    lake = write(tmp_path, [["crm:a"], ["mailbox:m"], ["crm:b"]], [*strong, weak])
    apart = explain(lake, "crm:b", "crm:a")
    assert [step.ends for step in apart.path] == [("crm:b", "mailbox:m"), ("crm:a", "mailbox:m")]
    assert [(other.rule, other.state) for other in apart.beside] == [("model", "review")]
    assert explain(lake, "crm:a", "mailbox:m").beside == ()


@pytest.mark.parametrize(("stops", "is_found"), [(MOST_STOPS, True), (MOST_STOPS + 1, False)])
def test_a_chain_through_many_other_people_explains_nothing(stops, is_found, tmp_path):
    names = [f"crm:{number}" for number in range(stops + 1)]
    edges = [edge(one, other, "blocked") for one, other in itertools.pairwise(names)]
    answer = explain(write(tmp_path, [[name] for name in names], edges), names[0], names[-1])
    assert bool(answer.path) is is_found


def test_of_two_chains_as_strong_the_one_of_fewer_links_is_shown(tmp_path):
    edges = [edge("crm:1", "crm:2", "blocked"), edge("crm:2", "crm:3", "blocked"), edge("crm:1", "crm:3", "blocked")]
    answer = explain(write(tmp_path, [["crm:1"], ["crm:2"], ["crm:3"]], edges), "crm:1", "crm:3")
    assert [item.ends for item in answer.path] == [("crm:1", "crm:3")]


def test_a_decision_is_the_obstacle_and_never_a_link_of_the_chain(tmp_path):
    decided = edge("crm:1", "crm:2", "blocked", -16.6, rule="steward", evidence={"action": "unlink", "decision": 4})
    alone = explain(write(tmp_path / "alone", [["crm:1"], ["crm:2"]], [decided]), "crm:1", "crm:2")
    assert (alone.path, alone.obstacle.evidence["decision"]) == ((), 4)
    assert alone.reason == "decision 4 says that they are two people"
    assert alone.lacking.compared is None, "a decision needs no comparison"
    both = [replace(decided, match_weight=20.0), edge("crm:1", "crm:2", "blocked")]
    answer = explain(write(tmp_path / "both", [["crm:1"], ["crm:2"]], both), "crm:1", "crm:2")
    assert [item.rule for item in answer.path] == ["email"]
    assert answer.obstacle.rule == "steward"


def test_a_pair_that_no_blocking_rule_brings_together_was_never_compared(tmp_path):
    said = {"crm:1": WORDS, "crm:2": {"first_name": "zoe", "last_name": "quist", "postcode": "90210"}}
    answer = explain(write(tmp_path, [["crm:1"], ["crm:2"]], [], said), "crm:1", "crm:2")
    assert answer.lacking.compared is False
    assert answer.lacking.comparison is None
    assert answer.reason.endswith("no blocking rule ever brought them together")


def test_a_pair_that_was_compared_and_not_kept_shows_its_waterfall(tmp_path):
    twin = WORDS | {"first_name": "zoe", "birth_date": datetime.date(1951, 12, 24)}
    answer = explain(write(tmp_path, [["crm:1"], ["crm:2"]], [], {"crm:1": WORDS, "crm:2": twin}), "crm:1", "crm:2")
    best = answer.lacking.comparison
    assert answer.lacking.compared
    assert best.match_weight < best.review_weight == RULES.probabilistic.review_weight
    parts = [step["weight"] for step in best.evidence["waterfall"]]
    assert best.evidence["prior"] + sum(parts) == pytest.approx(best.match_weight, abs=1e-4)
    assert f"found a match weight of {best.match_weight:.2f}, below 0.00" in answer.reason


def test_what_two_profiles_say_is_told_without_a_value(tmp_path):
    said = {
        "crm:1": WORDS | {"email": "ann@mail.net"},
        "crm:2": WORDS | {"first_name": "annie", "last_name": "quist", "birth_date": None, "city": None},
        "crm:3": {"postcode": "99999", "phone": "+12127365000"},
    }
    kiosk = [
        {"record_id": record, "identifier": "device_id", "value": "d-1", "raw_value": "d-1", "is_usable": False,
         "reason": "too_many_people: 9", "first_seen": DAY, "last_seen": DAY} for record in ("crm:1", "crm:3")
    ]  # fmt: skip
    filler = {"address_unusable": "too_many_people: 31"}
    said["crm:1"], said["crm:2"] = said["crm:1"] | filler, said["crm:2"] | filler | {"name_unusable": "of one side"}
    answer = explain(write(tmp_path, [["crm:1"], ["crm:2", "crm:3"]], [], said, kiosk), "crm:1", "crm:2")
    assert answer.lacking.attributes == {
        "first_name": "agree", "last_name": "differ", "birth_date": "one side only", "street": "equal",
        "postcode": "equal", "city": "one side only", "email": "one side only", "phone": "one side only",
        "loyalty_id": "neither side",
    }  # fmt: skip
    assert answer.lacking.unusable == (
        {"identifier": "address", "reason": "too_many_people: 31"},
        {"identifier": "device_id", "reason": "too_many_people: 9"},
    )
    text = json.dumps(answer.as_dict())
    assert not any(value in text for value in ("annie", "quist", "oak", "12207", "mail.net", "1984", "7365000", "d-1"))


def test_a_profile_id_stands_for_its_founder(tmp_path):
    lake = write(tmp_path, [["crm:1", "crm:2"], ["crm:3"]], [edge("crm:1", "crm:2")])
    assert (explain(lake, "p_crm:1", "crm:2").left, build_up(lake, "p_crm:1").asked) == ("crm:1", "crm:1")


def test_a_profile_is_told_merge_by_merge_with_the_parts_that_each_joined(tmp_path):
    edges = [
        edge("crm:2", "crm:3", weight=6.63),
        edge("crm:1", "crm:3", weight=12.0, kind="probabilistic", rule="model"),
        edge("crm:4", "crm:5", weight=9.96, rule="loyalty_id"),
        edge("crm:3", "crm:4", weight=4.25, kind="inferred", rule="device_id"),
        edge("crm:2", "crm:9", "blocked", 5.0),
        edge("crm:5", "crm:8", "review", 7.0, kind="probabilistic", rule="model"),
        edge("crm:8", "crm:9", "review", 9.0, kind="probabilistic", rule="model"),
    ]
    lake = write(tmp_path, [["crm:1", "crm:2", "crm:3", "crm:4", "crm:5"], ["crm:8"], ["crm:9"]], edges)
    found = build_up(lake, "crm:4")
    assert [(m.edge.rule, m.left_part, m.right_part, m.records) for m in found.merges] == [
        ("loyalty_id", 1, 1, 2), ("email", 1, 1, 2), ("device_id", 2, 2, 4), ("model", 1, 4, 5),
    ]  # fmt: skip
    assert found.merges[0].left_sources == ("crm", "web")
    assert found.merges[0].edge.since == "2017-01-01T00:00:00Z"
    assert [(item.ends, item.reason) for item in found.around] == [
        (("crm:5", "crm:8"), "why crm:5 crm:8"), (("crm:2", "crm:9"), "why crm:2 crm:9"),
    ]  # fmt: skip
    assert [item.record_id for item in found.outside] == ["crm:8", "crm:9"]
    assert (found.records[0].record_id, found.asked, found.probability) == ("crm:1", "crm:4", 0.99)


def test_a_profile_of_one_record_has_no_merges(tmp_path):
    found = build_up(write(tmp_path, [["crm:1"]], []), "crm:1")
    assert (found.link_kind, found.merges, found.around) == ("founder", (), ())


NODES = [f"crm:{number}" for number in range(6)]
WEIGHTED = st.lists(
    st.tuples(
        st.sampled_from(list(itertools.combinations(NODES, 2))),
        st.sampled_from([-3.0, 1.0, 4.25, 6.63, 12.0]),
        st.sampled_from(["linked", "review", "blocked"]),
    ),
    max_size=10,
    unique_by=lambda item: item[0],
)


def every_path(edges, start, goal, gone_by=()):
    if start == goal:
        yield ()
    for item in edges:
        if start in item.ends and start != goal and item.other_end(start) not in gone_by:
            for rest in every_path(edges, item.other_end(start), goal, (*gone_by, start)):
                yield (item, *rest)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(WEIGHTED, st.permutations(range(10)))
def test_the_strongest_path_is_the_best_of_all_paths_in_any_order_of_the_edges(chosen, order):
    edges = [edge(*ends, state, weight) for ends, weight, state in chosen]
    found = strongest_path(edges, NODES[0], NODES[5])
    paths = list(every_path(edges, NODES[0], NODES[5]))
    assert bool(found) == bool(paths)
    if paths:
        best = max((min(item.match_weight for item in path), -len(path)) for path in paths)
        assert (min(item.match_weight for item in found), -len(found)) == best
        assert found in paths
    shuffled = [edges[place] for place in order if place < len(edges)]
    assert strongest_path(shuffled, NODES[0], NODES[5]) == found


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(list(itertools.combinations(NODES, 2))),
            st.sampled_from(
                [("deterministic", "steward", 0), ("deterministic", "email", 5), ("deterministic", "user_id", 1),
                 ("inferred", "phone", 6), ("inferred", "device_id", 7), ("probabilistic", "model", None)]
            ),
            st.sampled_from([4.25, 6.63, 12.0]),
        ),
        max_size=10,
        unique_by=lambda item: (item[0], item[1]),
    )
)  # fmt: skip
def test_merges_are_told_in_the_order_in_which_clustering_joins(chosen):
    table = edge_table(
        {
            name: list(column)
            for name, column in zip(
                EDGE_COLUMNS,
                zip(*((*ends, kind, rule, priority, weight, 0.9, "{}", "m", None)
                      for ends, (kind, rule, priority), weight in chosen), strict=True)
                if chosen else [[] for _ in EDGE_COLUMNS],
                strict=True,
            )
        }
    )  # fmt: skip
    edges = [edge(*ends, weight=weight, kind=kind, rule=rule) for ends, (kind, rule, _), weight in chosen]
    expected = [(row["left_record"], row["right_record"], row["rule"]) for row in in_order(table, RULES).to_pylist()]
    assert [(*item.edge.ends, item.edge.rule) for item in merges(edges, {}, RULES)] == expected

"""How surely a record is of its profile: the kind and the probability of the weakest edge on its best path."""

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.link import FIRMEST_FIRST
from identity.assign import assign
from identity.cluster import cluster, in_order
from identity.edges import EDGE_COLUMNS, edge_table, odds_weight

KEY = b"a key for tests"
RECORDS = 6
WAYS = [  # kind, rule, priority, probability
    ("deterministic", "loyalty_id", 2, 0.999),
    ("deterministic", "email", 5, 0.99),
    ("inferred", "phone", 6, 0.98),
    ("inferred", "device_id", 7, 0.95),
    ("probabilistic", "model", None, 0.9991),
    ("probabilistic", "model", None, 0.99999),
]
CHOSEN = st.lists(
    st.tuples(st.integers(0, RECORDS - 1), st.integers(0, RECORDS - 1), st.sampled_from(WAYS)), max_size=12
)


def kinds(town):
    return {row["record_id"]: (row["kind"], row["probability"]) for row in town.resolve().assignments.to_pylist()}


def edges_of(chosen):
    rows = {}
    for left, right, (kind, rule, priority, probability) in chosen:
        one, other = sorted((f"crm:{left}", f"crm:{right}"))
        if one != other:
            rows[one, other, kind, rule] = (
                one, other, kind, rule, priority, odds_weight(probability), probability, "{}", "m", None,
            )  # fmt: skip
    columns = zip(*rows.values(), strict=True) if rows else [[] for _ in EDGE_COLUMNS]
    return edge_table({name: list(column) for name, column in zip(EDGE_COLUMNS, columns, strict=True)})


def name(edge):
    return edge["left_record"], edge["right_record"], edge["kind"], edge["rule"]


def every_path(edges, start, goal, gone_by=()):
    """All ways from one record to another that pass no record twice, as lists of ranked edges."""
    if start == goal:
        yield []
        return
    for edge in edges:
        if start in edge["ends"]:
            (ahead,) = edge["ends"] - {start}
            if ahead not in gone_by:
                for rest in every_path(edges, ahead, goal, (*gone_by, start)):
                    yield [edge, *rest]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(CHOSEN)
def test_an_assignment_is_that_of_the_best_of_all_paths_to_the_founder(rules, new_town, chosen):
    town = new_town()
    for number in range(RECORDS):
        town.record(f"crm:{number}")
    nodes, edges = town.nodes(), edges_of(chosen)
    clusters = cluster(nodes.records, nodes.identifiers, edges, rules)
    refused = {name(row) for row in clusters.edges.to_pylist() if row["state"] == "blocked"}  # one profile, 4 crm ids
    ranked = [
        {"rank": rank, "ends": frozenset((row["left_record"], row["right_record"]))} | row
        for rank, row in enumerate(in_order(edges, rules).to_pylist())
        if name(row) not in refused
    ]
    for row in assign(nodes.records, clusters.members, clusters.edges, KEY).to_pylist():
        paths = list(every_path(ranked, row["record_id"], row["founder_record_id"]))
        assert paths, row
        # The best path has the strongest weakest edge; of several, the strongest second weakest, and so on.
        best = min(paths, key=lambda path: sorted((edge["rank"] for edge in path), reverse=True))
        weakest = max((edge["kind"] for edge in best), key=FIRMEST_FIRST.index, default="founder")
        assert row["kind"] == weakest
        assert row["probability"] == min((edge["probability"] for edge in best), default=1.0)


def test_a_visit_that_shares_only_a_device_is_inferred(town, rules):
    town.record("account:u1", user_id="u1", device_id="d1").record("anonymous:a1", 1, device_id="d1")
    assert kinds(town)["anonymous:a1"] == ("inferred", rules.identifiers["device_id"].reliability)


def test_a_visit_in_the_browser_of_a_login_is_deterministic(town, rules):
    town.record("account:u1", user_id="u1", anonymous_id="a1").record("anonymous:a1", 1)
    assert kinds(town)["anonymous:a1"] == ("deterministic", rules.identifiers["anonymous_id"].reliability)


def test_a_record_without_a_name_on_a_recycled_number_is_inferred_and_one_with_a_name_is_not(town):
    number = "(212) 736-5000"
    town.record("crm:1", 0, 300, first_name="Ann", last_name="Lee", phone=number)
    town.record("crm:2", 900, 1200, first_name="Boris", last_name="Quist", phone=number)
    town.record("account:u1", 950, first_name="Boris", last_name="Quist", phone=number)
    town.record("phone:1", 1000, phone=number)
    found = kinds(town)
    assert found["phone:1"][0] == "inferred"
    assert found["account:u1"][0] == "deterministic"


def test_what_hangs_on_an_inferred_link_is_inferred_too(town):
    town.record("account:u1", user_id="u1", device_id="d1").record(
        "anonymous:a1", 1, device_id="d1", email="a@mail.net"
    )
    town.record("mailbox:1", 2, email="a@mail.net")
    assert kinds(town)["mailbox:1"] == kinds(town)["anonymous:a1"]


def test_a_firmer_edge_joins_before_one_that_is_inferred(town):
    town.record("account:u1", user_id="u1", device_id="d1", email="a@mail.net")
    town.record("anonymous:a1", 1, device_id="d1", email="a@mail.net")
    assert kinds(town)["anonymous:a1"] == ("deterministic", 0.99)


def test_kinds_come_in_the_order_of_their_firmness_wherever_edges_are_ordered(rules):
    edges = edges_of([(0, 1, way) for way in reversed(WAYS)])
    assert edges.num_rows == 5  # one by the model
    ordered = in_order(edges.take(pa.array([3, 1, 4, 0, 2])), rules)["kind"].unique().to_pylist()
    assert ordered == [kind for kind in FIRMEST_FIRST if kind != "founder"]

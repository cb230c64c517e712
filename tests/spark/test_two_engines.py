"""DuckDB and Spark give one answer: the same edges, the same weights, the same profiles."""

import datetime

import numpy as np
import pyarrow as pa
import pytest

from contracts import Contracts
from identity.decisions import decide
from identity.forest import spanning_forest
from identity.model import compared_people, load_model
from identity.people import learn
from identity.people.columns import recognise
from identity.people.files import Told, resolve_files
from identity.people.resolve import resolve_people
from identity.people.standard import people, without_crowded
from identity.records import Nodes
from identity.resolution import resolved
from identity.resolve import resolve
from identity.score import probabilistic_edges
from identity.spark import people as spark_people
from identity.spark import resolve as spark_resolve
from identity.spark.components import components
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from sandbox.crowd import crowd
from tests.febrl import febrl_3, febrl_file
from tests.identity.test_people import row, standard
from tests.identity.test_refusals import say
from tests.identity.test_resolve import PEOPLE
from tests.silver import write_silver

KEY = b"a key for tests"
DAY = datetime.date(2017, 12, 31)
MORE = [
    ("account:u2", "web", {"first_name": "Boris", "last_name": "Lee", "postcode": "12207"}),
    ("account:u3", "web", {"first_name": "Dora", "last_name": "Quist", "email": "quist@mail.net"}),
    ("crm:5", "crm", {"first_name": "Carla", "last_name": "Quist", "email": "quist@mail.net"}),
    ("crm:6", "crm", {"email": "zed@mail.net"}),
    ("mailbox:6", "email", {"email": "zed@mail.net"}),
]
TABLES = ("records", "identifiers", "edges", "assignments", "review_queue", "history")


@pytest.fixture(scope="module")
def spark(make_lake):
    return make_lake().spark


@pytest.fixture(scope="module")
def febrl_nodes():
    records = febrl_3(Contracts().identity)
    seen = records["first_seen"]
    # One value that two records hold, so that the parts have something to find beside the model's pairs.
    identifiers = pa.table(
        {"record_id": records["record_id"].slice(0, 2), "identifier": ["email"] * 2, "value": ["a@example.com"] * 2,
         "raw_value": ["a@example.com"] * 2, "is_usable": [True] * 2, "reason": pa.nulls(2, pa.string()),
         "first_seen": seen.slice(0, 2), "last_seen": seen.slice(0, 2)}
    )  # fmt: skip
    return Nodes(records, identifiers)


def by_content(table: pa.Table) -> pa.Table:
    return table.sort_by([(name, "ascending") for name in table.column_names])


def test_the_components_of_a_graph_are_those_that_one_machine_finds(spark):
    random = np.random.default_rng(4)
    chain = np.arange(2_000, 2_200)
    left = np.concatenate([random.integers(0, 1_000, 700), chain[:-1], [2_500]])
    right = np.concatenate([random.integers(0, 1_000, 700), chain[1:], [2_500]])
    found = components(spark.createDataFrame(pa.table({"l": left, "r": right}))).toArrow().to_pydict()
    expected, _ = spanning_forest(2_501, left, right)
    touched = sorted(set(left[left != right].tolist()) | set(right[left != right].tolist()))
    assert sorted(found["node"]) == touched
    assert found["component"] == [expected[node] for node in found["node"]]
    assert found["component"].count(2_000) == 200


def test_febrl_3_has_the_same_edges_and_profiles_scored_and_parted_in_spark(spark, febrl_nodes, monkeypatch):
    monkeypatch.setattr(spark_resolve, "RECORDS_A_PART", 500)
    rules, model = Contracts().identity, load_model("customers-1")
    scored = probabilistic_edges(compared_people(febrl_nodes.records), model, rules.probabilistic.review_weight)
    here = resolved(febrl_nodes, scored, (), rules, KEY)
    there = spark_resolve.resolve_in_parts(spark, febrl_nodes, (), rules, model, KEY)
    assert there.spread is not None
    mine, theirs = by_content(here.edges), by_content(there.spread.toArrow().select(here.edges.column_names))
    there.spread.unpersist()
    states = set(mine["state"].to_pylist())
    assert mine.num_rows > 4_000
    assert {"linked", "redundant", "review"} <= states
    assert np.abs(mine["match_weight"].to_numpy() - theirs["match_weight"].to_numpy()).max() <= 1e-6
    names = [name for name in mine.column_names if name not in ("match_weight", "probability")]
    assert mine.select(names).to_pylist() == theirs.select(names).to_pylist()
    assert by_content(there.assignments).equals(by_content(here.assignments))


def resolved_lake(engine, jars, home, answers) -> tuple[Lake, dict[str, int]]:
    (home / ".clew").mkdir(parents=True)
    (home / ".clew" / "jars").symlink_to(jars)
    lake = Lake(Settings(home=home, identity_secret=KEY.decode(), spark_master="local[2]", identity_engine=engine))
    lake.ensure_tables()
    write_silver(lake, PEOPLE + MORE)
    if answers:
        say(lake, *answers)
    day = datetime.datetime(2017, 12, 30, tzinfo=datetime.UTC)
    for action, pair in (("unlink", ("crm:1", "crm:3")), ("link", ("crm:2", "loyalty:44001"))):
        decide(lake, action, pair, reason="seen", author="ann", at=day, as_of=DAY)
    return lake, resolve(lake, Run("run-1", DAY))


REFUSED = ("mailbox:1", "denied", 1)
"""By one of four records that are one profile; of another an edge in review leads to a record of another part."""


@pytest.mark.parametrize("answers", [[], [REFUSED]], ids=["nobody refused", "one refused"])
def test_a_lake_with_decisions_has_the_same_tables_whichever_engine_resolved_it(jars, tmp_path, monkeypatch, answers):
    monkeypatch.setattr(spark_resolve, "RECORDS_A_PART", 2)
    here, counts_here = resolved_lake("duckdb", jars, tmp_path / "duckdb", answers)
    there, counts_there = resolved_lake("spark", jars, tmp_path / "spark", answers)
    assert counts_there == counts_here
    assert min(counts_here[state] for state in ("linked", "review", "blocked")) > 0
    apart = [row["refused_by"] for row in there.arrow("identity.assignments").to_pylist()]
    assert len(apart) - apart.count(None) == 4 * len(answers)
    for name in TABLES:
        mine, theirs = (by_content(lake.arrow(f"identity.{name}")) for lake in (here, there))
        assert mine.num_rows
        assert theirs.to_pylist() == mine.to_pylist(), name


def test_clew_resolve_gives_febrl_3_the_same_profiles_in_spark(spark, monkeypatch):
    monkeypatch.setattr(spark_people, "RECORDS_A_GROUP", 500)
    here = resolve_files([febrl_file("dataset3.csv")], Told({})).resolved
    there = resolve_files([febrl_file("dataset3.csv")], Told({}, engine="spark")).resolved
    assert there.clusters.equals(here.clusters)
    assert (there.pairs, there.links, there.plan.rules) == (here.pairs, here.links, here.plan.rules)
    assert here.links > 6_000
    for kind in ("match", "household", "stranger"):
        for mine, theirs in zip(getattr(here.weights, kind), getattr(there.weights, kind), strict=True):
            assert np.abs(mine - theirs).max() < 1e-9


def test_a_crowd_learnt_from_a_sample_gets_the_same_rules_and_profiles_in_spark(spark, monkeypatch):
    monkeypatch.setattr(learn, "LARGE", 2_000)
    monkeypatch.setattr(learn, "SAMPLED", 500)
    records, _ = crowd(2_500)
    table, _ = without_crowded(people(records, recognise(records.column_names, "crowd"), "crowd", "US"))
    here, there = (resolve_people(table, engine=engine) for engine in ("duckdb", "spark"))
    assert here.plan.reach is not None
    assert there.plan.rules == here.plan.rules
    assert there.plan.reach == here.plan.reach
    assert there.clusters.equals(here.clusters)


def test_words_in_any_script_are_as_alike_in_spark(spark):
    rows = [
        row("a", "José", "Müller", "1980-02-03"), row("b", "Jose", "Muller", "1980-02-03"),
        row("c", "Мария", "Иванова", "1980-02-03"), row("d", "Мариа", "Иванова", "1980-03-02"),
    ]  # fmt: skip
    here, there = (resolve_people(standard(rows), engine=engine) for engine in ("duckdb", "spark"))
    assert here.links == 2
    assert there.clusters.equals(here.clusters)

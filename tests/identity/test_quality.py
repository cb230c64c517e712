"""What answers teach: labels, a sample that is the same for all, and how sure an estimate can be."""

import datetime
import random

import pyarrow as pa
import pytest

from identity.decisions import Decision
from identity.labels import FROM_QUEUE, FROM_SAMPLE, labels
from identity.quality import Band, Rate, bands, estimate, lower_ends, sample

NOW = datetime.datetime(2018, 1, 2, 9, tzinfo=datetime.UTC)


def decided(number, action, left, right, reason=f"{FROM_QUEUE} looked", undoes=None):
    return Decision(number, action, left, right, undoes, None, reason, "ann", NOW)


def weighed(*said):
    """Edges of the model by left record, right record and weight; a fourth names another kind."""
    rows = [
        {"left_record": left, "right_record": right, "match_weight": weight, "kind": (*kind, "probabilistic")[0]}
        for left, right, weight, *kind in said
    ]
    schema = [("left_record", pa.string()), ("right_record", pa.string()), ("match_weight", pa.float64()),
              ("kind", pa.string())]  # fmt: skip
    return pa.Table.from_pylist(rows, pa.schema(schema))


@pytest.fixture
def thresholds(rules):
    return rules.probabilistic.model_copy(update={"review_weight": 0.0, "link_weight": 10.0})


def test_a_label_is_a_decision_on_a_pair_that_had_a_weight():
    edges = weighed(("a", "b", 4.0), ("a", "c", 12.0), ("a", "d", 5.0, "deterministic"))
    made = [decided(1, "link", "a", "b"), decided(2, "unlink", "a", "c", f"{FROM_SAMPLE} two"),
            decided(3, "link", "a", "d"), decided(4, "link", "x", "y")]  # fmt: skip
    assert labels(made, edges).to_pylist() == [
        {"left_record": "a", "right_record": "b", "is_match": True, "match_weight": 4.0, "is_sampled": False},
        {"left_record": "a", "right_record": "c", "is_match": False, "match_weight": 12.0, "is_sampled": True},
    ]


def test_what_was_taken_back_is_no_label():
    made = [decided(1, "link", "a", "b"), decided(2, "undo", "a", "b", undoes=1)]
    assert labels(made, weighed(("a", "b", 4.0))).num_rows == 0


def test_bands_hold_every_weighed_pair_once_and_know_their_labels(thresholds):
    assert lower_ends(thresholds) == (0.0, 2.5, 5.0, 7.5, 10.0, 15.0, 20.0)
    edges = weighed(("a", "b", 0.0), ("a", "c", 2.4), ("a", "d", 10.0), ("a", "e", 14.9), ("a", "f", 30.0))
    made = [decided(1, "link", "a", "b"), decided(2, "unlink", "a", "d", FROM_SAMPLE), decided(3, "link", "a", "e")]
    assert bands(edges, labels(made, edges), thresholds) == (
        Band(0.0, 2.5, False, 2, decided=1, decided_matches=1),
        Band(10.0, 15.0, True, 2, decided=1, decided_matches=1, sampled=1),
        Band(20.0, None, True, 1),
    )


def test_a_sample_is_drawn_from_every_band_and_a_larger_one_contains_it(thresholds):
    edges = weighed(*((f"a{n}", f"b{n}", 1.0 if n else 12.0) for n in range(30)))
    few, more = (
        {(row["left_record"], row["right_record"]) for row in drawn.to_pylist()}
        for drawn in (sample(edges, labels([], edges), thresholds, size, 1) for size in (6, 12))
    )
    assert (len(few), len(more)) == (6, 12)
    assert few < more
    assert ("a0", "b0") in few
    other = sample(edges, labels([], edges), thresholds, 12, 2).to_pylist()
    assert {(row["left_record"], row["right_record"]) for row in other} != more


def test_a_band_gives_pairs_in_proportion_to_the_root_of_its_size(thresholds):
    edges = weighed(*((f"a{n}", f"b{n}", 1.0 if n < 900 else 12.0) for n in range(1_000)))
    drawn = sample(edges, labels([], edges), thresholds, 40, 1).to_pylist()
    assert sum(int(row["left_record"][1:]) < 900 for row in drawn) == 30


def test_a_sample_goes_on_where_it_was_left_whatever_the_order_of_rows(thresholds):
    edges = weighed(*((f"a{n}", f"b{n}", 1.0) for n in range(30)))
    first, *rest = sample(edges, labels([], edges), thresholds, 5, 1).to_pylist()
    made = [decided(1, "link", first["left_record"], first["right_record"], FROM_SAMPLE)]
    backwards = edges.take(pa.array(range(29, -1, -1)))
    assert sample(backwards, labels(made, edges), thresholds, 5, 1).to_pylist() == rest


def test_what_was_decided_outside_the_sample_is_not_drawn_and_takes_no_place(thresholds):
    edges = weighed(*((f"a{n}", f"b{n}", 1.0) for n in range(4)))
    for number in range(4):
        made = [decided(1, "unlink", f"a{number}", f"b{number}")]
        drawn = sample(edges, labels(made, edges), thresholds, 3, 1).to_pylist()
        assert {row["left_record"] for row in drawn} == {"a0", "a1", "a2", "a3"} - {f"a{number}"}


def test_a_band_counts_for_its_pairs_and_not_for_its_labels():
    many = Band(10.0, 15.0, True, 9_000, sampled=50, sampled_matches=50)
    few = Band(15.0, None, True, 1_000, sampled=200, sampled_matches=0)
    precision = estimate((many, few)).precision
    assert precision.low < 0.9 < precision.high
    assert precision.high - precision.low < 0.1


def test_a_band_that_was_decided_whole_leaves_no_doubt():
    found = estimate((Band(0.0, 10.0, False, 3, decided=3, decided_matches=1), Band(10.0, None, True, 3, 3, 3)))
    assert (found.precision.low, found.precision.high) == (1.0, 1.0)
    assert found.recall.low == found.recall.high == 0.75


def test_without_labels_nothing_is_known_and_that_is_said():
    found = estimate((Band(0.0, 10.0, False, 100), Band(10.0, None, True, 100)))
    assert found.precision == found.recall == Rate(None, None, None)
    assert not found.is_random
    assert found.missing == (
        "0 labels in all, at least 30 are needed",
        "0 labels for the 100 pairs from weight 0 up, at least 5 are needed",
        "0 labels for the 100 pairs from weight 10 up, at least 5 are needed",
    )


def test_a_band_without_a_label_beside_one_that_has_some_is_known_hardly_at_all():
    found = estimate((Band(0.0, 10.0, False, 100, sampled=100, sampled_matches=50), Band(10.0, None, True, 100)))
    assert found.precision.high - found.precision.low > 0.9


def test_where_the_model_weighed_nothing_there_is_nothing_to_estimate():
    found = estimate(())
    assert (found.precision.estimate, found.recall.estimate) == (None, None)


def test_complaints_do_not_stand_for_what_nobody_complained_about():
    complaints = Band(10.0, None, True, 1_000, decided=20, decided_matches=0, sampled=50, sampled_matches=50)
    found = estimate((complaints,))
    assert found.is_random
    assert found.precision.low > 0.9
    assert found.precision.high <= 0.98


@pytest.mark.parametrize("upper", [0.8, 0.97, 0.999])
def test_the_interval_holds_the_truth_about_as_often_as_it_says(upper):
    """A hundred populations of known precision and recall, each sampled at random: 95 of 100, give or take 7."""
    truth = {"lower": (0.2, 400), "upper": (upper, 1_600)}  # share of matches, pairs
    chance = random.Random(7)
    covered = {"precision": 0, "recall": 0}
    for _ in range(100):
        known = {}
        matches = {}
        for name, (share, pairs) in truth.items():
            population = [chance.random() < share for _ in range(pairs)]
            drawn = chance.sample(population, 40)
            matches[name] = sum(population)
            known[name] = {"pairs": pairs, "sampled": 40, "sampled_matches": sum(drawn)}
        found = estimate((Band(0.0, 10.0, False, **known["lower"]), Band(10.0, None, True, **known["upper"])))
        precision, recall = matches["upper"] / 1_600, matches["upper"] / sum(matches.values())
        covered["precision"] += found.precision.low <= precision <= found.precision.high
        covered["recall"] += found.recall.low <= recall <= found.recall.high
    assert all(88 <= times <= 100 for times in covered.values()), covered

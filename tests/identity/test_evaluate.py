"""Pairwise metrics, worked out by hand."""

import pyarrow as pa
import pytest

from identity.evaluate import evaluate, to_be_joined


def judged(profiles, people, shared=()):
    records = list(profiles)
    assignments = pa.table({"record_id": records, "profile_id": list(profiles.values())})
    truth = pa.table(
        {
            "record_id": list(people),
            "person_id": list(people.values()),
            "is_shared": [record in shared for record in people],
        }
    )
    return evaluate(assignments, truth)


def test_a_wrong_merge_costs_precision_and_a_split_costs_recall():
    metrics = judged(
        {"a": "p1", "b": "p1", "c": "p1", "d": "p2", "e": "p3"}, {"a": "x", "b": "x", "c": "y", "d": "y", "e": "z"}
    )
    assert (metrics.true_pairs, metrics.found_pairs, metrics.right_pairs) == (2, 3, 1)
    assert metrics.precision == pytest.approx(1 / 3)
    assert metrics.recall == pytest.approx(1 / 2)
    assert metrics.f1 == pytest.approx(0.4)
    assert (metrics.people, metrics.profiles, metrics.merged_profiles, metrics.split_people) == (3, 3, 1, 1)
    assert (metrics.biggest_profile, metrics.biggest_wrong_profile) == (3, 3)


def test_a_shared_record_is_not_judged():
    metrics = judged({"a": "p1", "kiosk": "p1"}, {"a": "x", "kiosk": "y"}, shared={"kiosk"})
    assert (metrics.records, metrics.found_pairs, metrics.merged_profiles) == (1, 0, 0)


def test_a_record_that_the_truth_does_not_know_is_not_judged():
    assert judged({"a": "p1", "b": "p1"}, {"a": "x"}).found_pairs == 0


def test_perfect_profiles_have_perfect_figures():
    figures = judged({"a": "p1", "b": "p1"}, {"a": "x", "b": "x"}).as_dict()
    assert (figures["precision"], figures["recall"], figures["f1"]) == (1.0, 1.0, 1.0)


def test_who_refused_to_be_linked_is_not_judged():
    truth = pa.table({"record_id": ["a", "b", "c"], "person_id": ["1", "1", "1"], "is_shared": [False] * 3})
    placed = pa.table({"record_id": ["a", "b", "c"], "refused_by": pa.array([None, "consent:1", None], pa.string())})
    assert to_be_joined(truth, placed)["record_id"].to_pylist() == ["a", "c"]
    assert to_be_joined(truth, placed.drop_columns(["refused_by"])).equals(truth)

"""Estimates: values seen by eye, invariants, and intervals that cover the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures import estimate
from measures.estimate import Estimate

AMOUNTS = st.lists(st.integers(0, 50), min_size=2, max_size=40)


def of(*values: float) -> "estimate.Numbers":
    return np.array(values, dtype=np.float64)


def holds(found: Estimate) -> bool:
    return found.low is None or found.high is None or (
        found.value is not None and found.low <= found.value + 1e-9 and found.value <= found.high + 1e-9
    )  # fmt: skip


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    found = estimate.proportion(15, 20)  # Newcombe 1998, Statistics in Medicine 17, 857: 0.531 to 0.888
    assert (found.value, round(found.low or 0, 3), round(found.high or 0, 3)) == (0.75, 0.531, 0.888)


def test_a_proportion_of_none_is_not_known_to_be_none() -> None:
    found = estimate.proportion(0, 10)
    assert (found.value, found.low) == (0.0, 0.0)
    assert found.high is not None
    assert 0.27 < found.high < 0.28


def test_newcombes_difference_of_two_proportions_is_that_of_the_paper() -> None:
    found = estimate.difference(estimate.proportion(56, 70), estimate.proportion(48, 80))  # his case (a), method 10
    assert (round(found.low or 0, 4), round(found.high or 0, 4)) == (0.0524, 0.3339)


def test_a_ratio_of_sums_is_no_mean_of_ratios() -> None:
    assert estimate.ratio(of(1, 9), of(1, 3)).value == 2.5


def test_the_interval_of_a_mean_is_students() -> None:
    found = estimate.ratio(of(1, 2, 3, 4, 5), of(1, 1, 1, 1, 1))
    assert found.value == 3.0
    assert found.high == pytest.approx(3 + 2.7764451 * np.sqrt(2.5 / 5))
    assert found.low == pytest.approx(3 - 2.7764451 * np.sqrt(2.5 / 5))


def test_people_who_are_all_alike_say_nothing_of_how_people_differ() -> None:
    found = estimate.ratio(of(2, 2, 2), of(1, 1, 1))
    assert (found.value, found.low, found.high, found.status) == (2.0, None, None, "no_variation")


def test_nothing_over_nothing_is_no_number() -> None:
    assert estimate.ratio(of(0, 0), of(0, 0)).status == "no_rows"


def test_a_median_is_between_two_of_its_rows() -> None:
    rows = np.arange(1.0, 102.0)
    found = estimate.median(rows, np.arange(101))
    assert found.value == 51.0
    assert (found.low, found.high) == (41.0, 61.0)  # 101 people: half and 10 hundredths either way


@given(AMOUNTS, st.data())
def test_a_ratio_lies_in_its_interval_in_any_order_of_people(amounts: list[int], data: st.DataObject) -> None:
    below = data.draw(st.lists(st.integers(1, 9), min_size=len(amounts), max_size=len(amounts)))
    found = estimate.ratio(of(*amounts), of(*below))
    assert holds(found)
    order = np.array(data.draw(st.permutations(range(len(amounts)))))
    again = estimate.ratio(of(*amounts)[order], of(*below)[order])
    assert (again.value, again.status) == (found.value, found.status)
    if found.low is not None and found.high is not None:
        assert (again.low, again.high) == pytest.approx((found.low, found.high), rel=1e-9)


def test_a_median_of_rows_that_are_nearly_half_another_is_not_surely_itself() -> None:
    rows = np.array([0.0] * 510 + [10.0] * 490)
    found = estimate.median(rows, np.arange(1000))
    assert (found.value, found.low, found.high) == (0.0, 0.0, 10.0)
    sure = estimate.median(np.array([0.0] * 600 + [10.0] * 400), np.arange(1000))
    assert (sure.value, sure.low, sure.high) == (0.0, 0.0, 0.0)


@given(st.lists(st.tuples(st.integers(0, 8), st.floats(0, 100)), min_size=1, max_size=60))
def test_a_median_lies_in_its_interval(rows: list[tuple[int, float]]) -> None:
    found = estimate.median(of(*(amount for _, amount in rows)), np.array([owner for owner, _ in rows]))
    assert holds(found)
    assert found.people == len({owner for owner, _ in rows})


@given(st.integers(0, 30), st.integers(1, 30), st.integers(0, 30), st.integers(1, 30))
def test_a_difference_turned_round_is_the_same_on_the_other_side(a: int, n: int, b: int, m: int) -> None:
    one, other = estimate.proportion(min(a, n), n), estimate.proportion(min(b, m), m)
    there, back = estimate.difference(one, other), estimate.difference(other, one)
    assert holds(there)
    assert (there.low, there.high) == pytest.approx((-(back.high or 0), -(back.low or 0)), abs=1e-12)


@settings(max_examples=25)
@given(AMOUNTS)
def test_more_confidence_takes_a_wider_interval(amounts: list[int]) -> None:
    narrow, wide = (estimate.total(of(*amounts), confidence) for confidence in (0.9, 0.99))
    if narrow.low is not None and narrow.high is not None and wide.low is not None and wide.high is not None:
        assert wide.low <= narrow.low <= narrow.high <= wide.high


def test_intervals_cover_the_truth_as_often_as_they_say() -> None:
    """1,000 times 150 people, each with one to five rows that are alike within a person."""
    random, covered = np.random.default_rng(20171231), {"ratio": 0, "median": 0, "proportion": 0}
    times, people = 1000, 150
    for _ in range(times):
        rows, level = random.integers(1, 6, people), random.normal(10, 3, people)
        owners = np.repeat(np.arange(people), rows)
        amounts = level[owners] + random.normal(0, 1, len(owners))
        sums = np.bincount(owners, weights=amounts, minlength=people)
        did = float(random.binomial(people, 0.3))
        for name, found, truth in (
            ("ratio", estimate.ratio(sums, rows.astype(np.float64)), 10.0),
            ("median", estimate.median(amounts, owners), 10.0),
            ("proportion", estimate.proportion(did, people), 0.3),
        ):
            covered[name] += found.low is not None and found.high is not None and found.low <= truth <= found.high
    for name, times_covered in covered.items():
        assert 0.93 < times_covered / times < 0.97, f"{name}: {times_covered / times:.3f}"

"""Weights that make groups alike, and intervals that hold the truth as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from measures.campaigns.balancing import differences, effective, entropy_weights
from measures.campaigns.comparison import difference, match


def test_weights_are_those_of_the_closed_form():
    """Of a yes or no that three of four mailed and one of four others have, weights are 3 to 1 in the odds."""
    mailed, others = np.array([[1.0], [1], [1], [0]]), np.array([[1.0], [0], [0], [0]])
    assert entropy_weights(mailed, others) == pytest.approx([0.75, 1 / 12, 1 / 12, 1 / 12], abs=0.002)


def test_alike_groups_keep_equal_weights():
    people = np.array([[1.0, 5], [2, 3], [4, 4]])
    weights = entropy_weights(people, people[::-1])
    assert weights == pytest.approx([1 / 3] * 3)
    assert effective(weights) == pytest.approx(3)


people = st.integers(0, 2**32 - 1).map(lambda seed: np.random.default_rng(seed))


@given(people, st.integers(2, 30), st.integers(60, 200), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_groups_that_overlap_become_alike(draw, mailed_people, other_people, shift):
    mailed = draw.uniform(-1, 1, (mailed_people, 3)) * 0.5 + shift * 0.3
    others = draw.uniform(-1, 1, (other_people, 3)) * 2
    weights = entropy_weights(mailed, others)
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all()
    assert np.abs(differences(mailed, others, weights)).max() < 0.05
    assert 1 <= effective(weights) <= other_people + 1e-9


@given(people, st.floats(0.01, 1000), st.floats(-100, 100))
@settings(max_examples=40, deadline=None)
def test_the_unit_of_a_covariate_and_a_change_of_everybody_do_not_matter(draw, unit, change):
    mailed, others = draw.normal(0.3, 1, (20, 2)), draw.normal(0, 1, (80, 2))
    outcomes = draw.normal(5, 2, 20), draw.normal(3, 2, 80)
    plain = difference(match(mailed, others, entropy_weights(mailed, others)), *outcomes).interval
    weights = entropy_weights(mailed * unit, others * unit)
    told = difference(match(mailed * unit, others * unit, weights), outcomes[0] + change, outcomes[1] + change).interval
    assert (told.estimate, told.low, told.high) == pytest.approx((plain.estimate, plain.low, plain.high), abs=1e-6)


def test_two_alike_groups_without_covariates_give_welchs_interval():
    """Mean 2 against mean 0; variances of the means 10/3/5 = 2/3 and, of the others by HC3, 1.25."""
    mailed, others = np.zeros((5, 1)), np.zeros((5, 1))
    made = difference(
        match(mailed, others, np.full(5, 0.2)), np.array([0.0, 1, 2, 3, 4]), np.array([-2.0, -1, 0, 1, 2])
    )
    assert made.interval.estimate == 2
    assert (made.mailed_part**2).sum() == pytest.approx(2.5 / 5)
    assert (made.others_part**2).sum() == pytest.approx(10 / 25 / 0.8**2)


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """A hundred and fifty draws of people who are chosen by what they buy; all of 95 % lie between 88 % and 100 %."""
    draw = np.random.default_rng(11)
    with threadpool_limits(limits=1):
        held = [_holds(draw, lift=3.0) for _ in range(150)]
    assert 0.9 <= np.mean(held) <= 0.99


def _holds(draw: np.random.Generator, lift: float) -> bool:
    rates = draw.gamma(3, 10, 500)
    seen = np.column_stack([rates, np.log1p(rates), draw.normal(size=500)])
    is_mailed = draw.random(500) < 1 / (1 + np.exp(1.5 - (rates - 30) / 20))
    outcome = 0.1 * rates + 2 * seen[:, 2] + 0.3 * rates * draw.standard_t(5, 500) + lift * is_mailed
    mailed, others = seen[is_mailed], seen[~is_mailed]
    found = difference(match(mailed, others, entropy_weights(mailed, others)), outcome[is_mailed], outcome[~is_mailed])
    return found.interval.low <= lift <= found.interval.high

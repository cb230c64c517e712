"""Markov removal and Shapley values of paths small enough to be computed by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from measures.attribution.paths import Paths
from measures.attribution.removal import chain, removal_effects
from measures.attribution.shapley import sets_of, shapley, values, within, within_channels

A, B, C, D = 0, 1, 2, 3


def test_removal_effects_are_those_of_the_chain_by_hand():
    # Ten journeys: A to an order, 2; A B to an order, 2; A B to none, 2; B to none, 4. Orders 1.00 each.
    # Steps: start to A 6, to B 4. From A, 6 steps: to B 4, to an order 2. From B, 8 steps: to an order 2, to the end 6.
    # An order is reached with 0.6 * (2/6 + 4/6 * 2/8) + 0.4 * 2/8 = 0.6 * 0.5 + 0.1 = 0.4: the 4 of 10 that were.
    # Without A, only 0.4 * 2/8 = 0.1 of them: the effect is 1 - 0.1 / 0.4 = 0.75.
    # Without B, only 0.6 * 2/6 = 0.2: the effect is 1 - 0.2 / 0.4 = 0.5.
    paths = Paths.of([([A], 2, 2, 2, 200), ([A, B], 4, 2, 2, 200), ([B], 4, 0, 0, 0)])
    orders, value = removal_effects(paths, 2)
    np.testing.assert_allclose(orders, [0.75, 0.5], rtol=1e-12)
    np.testing.assert_allclose(value, [0.75, 0.5], rtol=1e-12)


def test_the_value_that_is_lost_goes_by_what_the_last_step_brings():
    # One journey A to an order of 9.00, one B to an order of 1.00. Of orders each loses half; of value 0.9 and 0.1.
    paths = Paths.of([([A], 1, 1, 1, 900), ([B], 1, 1, 1, 100)])
    orders, value = removal_effects(paths, 2)
    np.testing.assert_allclose(orders, [0.5, 0.5], rtol=1e-12)
    np.testing.assert_allclose(value, [0.9, 0.1], rtol=1e-12)


def test_a_channel_again_is_a_step_to_itself():
    # A A to an order, once; A to none, once. From A, 3 steps: to A 1, to an order 1, to the end 1.
    made = chain(Paths.of([([A, A], 1, 1, 1, 500), ([A], 1, 0, 0, 0)]), 1)
    np.testing.assert_allclose([made.start[0], made.go[0, 0], made.win[0], made.worth[0]], [1, 1 / 3, 1 / 3, 500 / 3])


def test_journeys_without_an_order_change_who_is_credited():
    won = [([A], 5, 5, 5, 500), ([A, B], 5, 5, 5, 500)]
    lost = [*won, ([B], 90, 0, 0, 0)]
    # Without the lost ones all begins with A. With them B leads to an order 5 times of 95, and 90 of 100 begin with it:
    # without A, 0.9 * 5/95 of the 10 in 100 orders are left.
    np.testing.assert_allclose(removal_effects(Paths.of(won), 2)[0], [1, 0.5], rtol=1e-12)
    np.testing.assert_allclose(removal_effects(Paths.of(lost), 2)[0], [1 - 0.9 * 5 / 95 / 0.1, 0.5], rtol=1e-12)
    # Worth of {A} 1 either way; of {A, B} 1, then 10/100. B: ((0 - 0) + (1 - 1)) / 2, then ((0 - 0) + (0.1 - 1)) / 2.
    np.testing.assert_allclose(shapley(Paths.of(won), 2)[0], [10, 0], atol=1e-12)
    np.testing.assert_allclose(shapley(Paths.of(lost), 2)[0], [55, -45], rtol=1e-12)


def test_shapley_values_are_those_by_hand():
    # Journeys: A 10, of which 2 ordered; B 10, of which 1; A and B 20, of which 9. Each order is 1.00.
    # Worth of {} 0, of {A} 2/10, of {B} 1/10, of {A, B} 12/40 = 0.3, by orders a journey.
    # A: ((0.2 - 0) + (0.3 - 0.1)) / 2 = 0.2; B: ((0.1 - 0) + (0.3 - 0.2)) / 2 = 0.1. Times 40 journeys: 8 and 4.
    paths = Paths.of([([A], 10, 2, 2, 200), ([B], 10, 1, 1, 100), ([A, B], 10, 4, 4, 400), ([B, A, B], 10, 5, 5, 500)])
    orders, cents = shapley(paths, 2)
    np.testing.assert_allclose(orders, [8, 4], rtol=1e-12)
    np.testing.assert_allclose(cents, [800, 400], rtol=1e-12)


def test_a_channel_that_makes_it_worse_has_a_negative_value():
    # Worth of {A} 1, of {B} 0, of {A, B} 4/8 = 0.5. A: (1 + 0.5) / 2 = 0.75; B: (0 - 0.5) / 2 = -0.25; times 8.
    paths = Paths.of([([A], 4, 4, 4, 400), ([A, B], 4, 0, 0, 0)])
    np.testing.assert_allclose(shapley(paths, 2)[0], [6, -2], rtol=1e-12)


def test_the_glove_game_has_its_values_of_the_textbook():
    # A has a left glove, B and C a right one each; a pair is worth 1. Shapley (1953): 2/3, 1/6, 1/6.
    worth = np.array([1.0 if coalition & 1 and coalition & 6 else 0.0 for coalition in range(8)])
    np.testing.assert_allclose(values(worth, 3), [2 / 3, 1 / 6, 1 / 6], rtol=1e-12)


def test_sets_and_the_sums_over_their_subsets():
    paths = Paths.of([([A, B, A], 1, 0, 0, 0), ([C], 1, 0, 0, 0), ([B], 1, 0, 0, 0)])
    assert sorted(sets_of(paths)) == [0b010, 0b011, 0b100]
    np.testing.assert_array_equal(within(np.array([1.0, 2, 4, 8]), 2), [1, 3, 5, 15])


def test_too_many_channels_are_refused():
    with pytest.raises(ValueError, match=r"13 players have 2\^13 sets: 12 at most"):
        shapley(Paths.of([([A], 1, 1, 1, 1)]), 13)


def test_without_paths_nobody_is_credited():
    empty = Paths.of([])
    shared = (*removal_effects(empty, 2), *shapley(empty, 2), *of_campaigns([], [0, 1]))
    assert [list(part) for part in shared] == [[0, 0]] * 6


row = st.tuples(st.lists(st.sampled_from([A, B, C]), min_size=1, max_size=5), st.integers(1, 20), st.floats(0, 1))


@st.composite
def some_paths(draw):
    rows = []
    for steps, journeys, share in draw(st.lists(row, min_size=1, max_size=12)):
        won = round(journeys * share)
        rows.append((steps, journeys, won, won, won * 100))
    return rows


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some_paths())
def test_shapley_sums_to_the_orders_absent_channels_get_nothing_and_alike_ones_the_same(rows):
    paths = Paths.of(rows)
    orders, cents = shapley(paths, 4)
    assert orders.sum() == pytest.approx(paths.orders.sum())
    assert cents.sum() == pytest.approx(paths.cents.sum())
    assert orders[D] == pytest.approx(0, abs=1e-9)
    swap = {A: B, B: A, C: C}
    alike = Paths.of([*rows, *(([swap[step] for step in steps], *rest) for steps, *rest in rows)])
    orders, _ = shapley(alike, 4)
    assert orders[A] == pytest.approx(orders[B])


def of_campaigns(rows, channels):
    """The credits of campaigns of two channels."""
    paths, channels = Paths.of(rows), np.array(channels)
    return within_channels(paths, channels, shapley(paths.told_by(channels), 2))


def test_a_campaign_has_the_part_of_its_channel_that_it_has_in_the_journeys_which_that_touched():
    # The channels of the test by hand, 8 and 4 orders; A is two campaigns, 0 and 1, B is 2.
    rows = [([0], 10, 2, 2, 200), ([2], 10, 1, 1, 100), ([0, 1, 0, 2], 10, 4, 4, 400), ([2, 1, 2], 10, 5, 5, 500)]
    # Campaign 0 has the 2 orders and half of the 4, campaign 1 the other half and the 5: 4 and 7 of 11.
    orders, cents = of_campaigns(rows, [0, 0, 1])
    np.testing.assert_allclose(orders, [8 * 4 / 11, 8 * 7 / 11, 4], rtol=1e-12)
    np.testing.assert_allclose(cents, [800 * 4 / 11, 800 * 7 / 11, 400], rtol=1e-12)


def test_of_a_channel_that_brought_nothing_campaigns_share_by_the_journeys_they_touched():
    # {A} brings 1 a journey, {A, B} 0: B takes away half of it. Of B's journeys campaign 1 touched 3, campaign 2 one.
    rows = [([0], 4, 4, 4, 400), ([0, 1], 3, 0, 0, 0), ([0, 2], 1, 0, 0, 0)]
    orders, _ = of_campaigns(rows, [0, 1, 1])
    # Worth of {A} 1, of {B} 0, of {A, B} 4/8. A: (1 + 0.5) / 2 = 0.75, B: (0 - 0.5) / 2 = -0.25. Times 8: 6 and -2.
    np.testing.assert_allclose(orders, [6, -1.5, -0.5], rtol=1e-12)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some_paths())
def test_campaigns_sum_to_their_channels_and_one_that_nothing_touched_gets_nothing(rows):
    channels = np.array([0, 1, 1, 1])
    orders, cents = of_campaigns(rows, channels)
    of_channels = shapley(Paths.of(rows).told_by(channels), 2)
    np.testing.assert_allclose(np.bincount(channels, orders, 2), of_channels[0], atol=1e-6)
    np.testing.assert_allclose(np.bincount(channels, cents, 2), of_channels[1], atol=1e-6)
    assert orders[D] == 0


@settings(max_examples=80, deadline=None, derandomize=True)
@given(some_paths(), st.randoms(use_true_random=False))
def test_removal_takes_between_nothing_and_all_and_does_not_depend_on_the_order_of_paths(rows, shuffled):
    effects = removal_effects(Paths.of(rows), 4)
    for effect in effects:
        assert all(-1e-9 <= part <= 1 + 1e-9 for part in effect)
        assert effect[D] == 0
    other = list(rows)
    shuffled.shuffle(other)
    np.testing.assert_allclose(removal_effects(Paths.of(other), 4), effects, atol=1e-12)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(some_paths())
def test_the_chain_reaches_orders_as_often_as_the_journeys_did(rows):
    paths = Paths.of(rows)
    made = chain(paths, 3)
    visits = np.linalg.solve((np.eye(3) - made.go).T, made.start)
    assert visits @ made.win == pytest.approx(paths.won.sum() / paths.journeys.sum())
    assert visits @ made.worth == pytest.approx(paths.cents.sum() / paths.journeys.sum())

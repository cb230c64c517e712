"""The statistics of experiments, each against another implementation, a published number or a simulated truth."""

import dataclasses
import math

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate
from scipy import stats as scipy_stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from measures.experiments import sequential, stats
from tests import experiments_sim as sim

GENERATOR = np.random.default_rng(5)
CONTROL, TREATMENT = GENERATOR.gamma(2, 3, 120), GENERATOR.gamma(2, 4, 90)


def test_the_interval_of_a_difference_is_that_of_statsmodels_and_the_p_value_that_of_scipy() -> None:
    found = stats.welch(stats.sample(CONTROL), stats.sample(TREATMENT), 0.05)
    low, high = CompareMeans(DescrStatsW(TREATMENT), DescrStatsW(CONTROL)).tconfint_diff(0.05, usevar="unequal")
    assert (found.low, found.high) == pytest.approx((low, high))
    assert found.p_value == pytest.approx(scipy_stats.ttest_ind(TREATMENT, CONTROL, equal_var=False).pvalue)


def test_the_interval_of_a_lift_is_that_of_the_ratio_of_the_means() -> None:
    control, treatment = stats.sample(CONTROL), stats.sample(TREATMENT)
    effect = stats.welch(control, treatment, 0.05)
    share, low, high = stats.lift(control, effect.difference, effect.high - effect.difference, effect.error)
    # The delta method on treatment / control, whose means are independent.
    variance = treatment.of_mean / control.mean**2 + treatment.mean**2 * control.of_mean / control.mean**4
    half = (effect.high - effect.difference) / effect.error * math.sqrt(variance)
    assert (share, low, high) == pytest.approx(
        (treatment.mean / control.mean - 1, treatment.mean / control.mean - 1 - half, share + half)
    )


def test_cuped_is_the_coefficient_of_a_regression_on_arm_and_what_was_before() -> None:
    before = [GENERATOR.gamma(2, 3, len(arm)) for arm in (CONTROL, TREATMENT)]
    after = [0.7 * x + y for x, y in zip(before, (CONTROL, TREATMENT), strict=True)]
    control, treatment = stats.cuped(*after, *before)
    is_treated = np.repeat([0.0, 1.0], [len(CONTROL), len(TREATMENT)])
    regressors = sm.add_constant(np.column_stack([is_treated, np.concatenate(before)]))
    fitted = sm.OLS(np.concatenate(after), regressors).fit(cov_type="HC2")
    assert treatment.mean - control.mean == pytest.approx(fitted.params[1])
    assert math.sqrt(control.of_mean + treatment.of_mean) == pytest.approx(fitted.bse[1], rel=0.01)


def test_cuped_of_people_who_did_nothing_before_takes_nothing_out() -> None:
    nothing = np.zeros(len(CONTROL)), np.zeros(len(TREATMENT))
    assert stats.cuped(CONTROL, TREATMENT, *nothing) == (stats.sample(CONTROL), stats.sample(TREATMENT))


def test_a_sample_ratio_is_a_chi_square_test() -> None:
    # (5,100 - 5,000)² / 5,000 twice is 4, whose p-value at one degree of freedom is 4.55 %.
    assert stats.sample_ratio({"a": 5_100, "b": 4_900}, {"a": 0.5, "b": 0.5}) == pytest.approx(0.0455, abs=1e-4)
    assert stats.sample_ratio({"a": 900, "b": 100}, {"a": 0.9, "b": 0.1}) == pytest.approx(1)
    assert stats.sample_ratio({"a": 100}, {"a": 0.5, "b": 0.5}) < 1e-20
    assert stats.sample_ratio({}, {"a": 0.5, "b": 0.5}) == 1


def test_power_is_that_of_cohens_table() -> None:
    # Cohen 1988, table 2.4.1: 64 people in each of two groups find d = 0.5 with power 0.80 at a two-sided 0.05.
    assert stats.people_needed(0.5, 1, 0.05, 0.8) == 2 * 64
    assert stats.power_of(0.5, 1, 64, 64, 0.05) == pytest.approx(0.80, abs=0.005)
    assert stats.detectable(2.0, 64, 64, 0.05, 0.8) == pytest.approx(1.0, abs=0.01)
    assert stats.people_needed(0.5, 1, 0.05, 0.8, share=0.9) > 2.5 * 128


def test_the_boundary_is_that_of_the_library_of_its_authors() -> None:
    # confseq, test/uniform_boundaries_unittest.cpp, TestTwoSidedNormalMixture: tuned for 100 at 0.05.
    rho = sequential.mixture(100, 0.05)
    assert 1 / rho == pytest.approx(12.60056, abs=1e-5)
    assert sequential.half_width(1 / math.sqrt(100), 100.0, 0.05, 100) * 100 == pytest.approx(30.35209, abs=1e-5)
    assert sequential.log_ratio(10 / 100, 1 / math.sqrt(100), 100.0, rho) == pytest.approx(-0.6510052, abs=1e-6)


def test_the_p_value_is_one_over_the_mixed_likelihood_ratio() -> None:
    difference, error, people, rho = 0.3, 0.1, 400.0, sequential.mixture(1_000, 0.05)
    deviation = error * math.sqrt(people)  # of one person's part in the difference

    def weighted(effect: float) -> float:
        ratio = math.exp(-((difference - effect) ** 2 - difference**2) / (2 * error**2))
        return float(ratio * scipy_stats.norm.pdf(effect, 0, math.sqrt(rho) * deviation))

    mixed, _ = integrate.quad(weighted, -3, 3, points=[0, difference])
    assert sequential.p_value(difference, error, people, 0.05, 1_000) == pytest.approx(1 / mixed, rel=1e-6)


@given(st.floats(-5, 5), st.integers(60, 100_000), st.integers(100, 100_000))
def test_the_p_value_is_small_just_where_the_interval_leaves_nothing_out(z: float, people: int, tuned: int) -> None:
    half = sequential.half_width(1.0, float(people), 0.05, tuned)
    if abs(abs(z) - half) > 1e-9:
        assert (sequential.p_value(z, 1.0, float(people), 0.05, tuned) < 0.05) == (abs(z) > half)


def test_the_people_needed_are_the_fewest_that_have_the_power() -> None:
    needed = sequential.people_needed(1.0, 5.0, 0.05, 0.8, 0.5, 1_000)
    fixed = stats.people_needed(1.0, 5.0, 0.05, 0.8)

    def power(people: int) -> float:
        return sequential.power_of(1.0, 5.0 * math.sqrt(4 / people), people, 0.05, 1_000)

    assert power(needed - 1) < 0.8 <= power(needed)
    assert fixed < needed < 2 * fixed
    error = 5.0 * math.sqrt(4 / needed)
    assert sequential.detectable(error, needed, 0.05, 0.8, 1_000) == pytest.approx(1.0, rel=1e-3)


def test_a_simulated_look_is_what_the_functions_say_of_the_people() -> None:
    setting = dataclasses.replace(sim.SETTINGS["counts, half and half"], lift=0.1)
    before, after, is_treated = sim.people(setting, 2, np.random.default_rng(1))
    plain, adjusted = sim.look(setting, before, after, is_treated)
    day = 29  # of the second run, everybody until then
    mask, x, y = (each[1, : day + 1].ravel() for each in (is_treated, before, after))
    arms = (y[~mask], y[mask])
    for looks, (control, treatment) in (
        (plain, tuple(map(stats.sample, arms))),
        (adjusted, stats.cuped(*arms, x[~mask], x[mask])),
    ):
        effect = stats.welch(control, treatment, setting.alpha)
        assert looks.difference[1, day] == pytest.approx(effect.difference)
        assert looks.error[1, day] == pytest.approx(effect.error)
        assert looks.fixed_half[1, day] == pytest.approx(effect.high - effect.difference)


@pytest.mark.parametrize("name", sim.SETTINGS)
def test_looking_every_day_misleads_a_fixed_interval_and_not_the_sequential_one(name: str) -> None:
    """The short form of the section of docs/benchmarks.md; with 300 runs a share of 5 % has an error of 1.3 %."""
    for found in sim.rates(sim.SETTINGS[name], 300, 7):
        assert found.sequential <= 0.05
        assert found.peeked > 0.15
        assert 0.91 <= found.covered <= 0.99


def test_a_known_lift_is_found_within_its_interval() -> None:
    plain, adjusted = sim.rates(dataclasses.replace(sim.SETTINGS["counts, half and half"], lift=0.2), 300, 7)
    for found in (plain, adjusted):
        assert found.lift == pytest.approx(0.2, abs=0.02)
        assert 0.91 <= found.lift_covered <= 0.99
        assert found.sequential <= 0.05
    assert adjusted.found > plain.found > 0.5

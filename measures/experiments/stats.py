"""Two arms compared at one moment: difference, lift, CUPED, sample ratio and power. Pure functions of numbers.

Intervals and p-values are two-sided, and right for large samples: t with Welch's degrees of freedom for a difference
(Welch 1947, "The generalization of 'Student's' problem when several different population variances are involved"), the
delta method for a lift (Deng, Knoblich and Lu 2018, arXiv:1803.06336), which is a ratio of means.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
SAMPLE_RATIO_ALPHA = 0.001
"""Below this p-value a sample ratio is broken; so small because every experiment is tested on every day (Fabijan et
al. 2019, "Diagnosing sample ratio mismatch in online controlled experiments")."""


@dataclass(frozen=True)
class Sample:
    """An arm in three numbers; the variance is that of one person, without bias."""

    people: int
    mean: float
    variance: float

    @property
    def of_mean(self) -> float:
        """The variance of the mean."""
        return self.variance / self.people


@dataclass(frozen=True)
class Effect:
    """A difference of means (treatment less control) with an interval.

    Attributes:
        difference: In the metric's unit.
        error: Its standard error.
        low: Lower end.
        high: Upper end.
        p_value: Of no difference.
    """

    difference: float
    error: float
    low: float
    high: float
    p_value: float


def sample(values: Numbers) -> Sample:
    """An arm in three numbers; it has two people at least."""
    return Sample(len(values), float(np.mean(values)), float(np.var(values, ddof=1)))


def welch(control: Sample, treatment: Sample, alpha: float) -> Effect:
    """The difference with its interval of level 1 - alpha, for one look that was planned."""
    from scipy.stats import t

    difference = treatment.mean - control.mean
    error = math.sqrt(control.of_mean + treatment.of_mean)
    if error == 0:
        return Effect(difference, 0.0, difference, difference, 1.0 if difference == 0 else 0.0)
    freedom = (control.of_mean + treatment.of_mean) ** 2 / (
        control.of_mean**2 / (control.people - 1) + treatment.of_mean**2 / (treatment.people - 1)
    )
    half = float(t.ppf(1 - alpha / 2, freedom)) * error
    p_value = 2 * float(t.sf(abs(difference) / error, freedom))
    return Effect(difference, error, difference - half, difference + half, p_value)


def lift(control: Sample, difference: float, half: float, error: float) -> tuple[float, float, float]:
    """The difference as a share of the control's mean, with an interval by the delta method.

    Args:
        control: Its mean is not 0.
        difference: Of the means, adjusted or not.
        half: Half of the interval of the difference.
        error: Standard error of the difference; ``half`` is a number of these.

    Returns:
        Lift, lower and upper end.
    """
    share = difference / control.mean
    widths = half / error if error else 0.0
    # Var(d/c) = Var(d)/c² + d² Var(c)/c⁴ - 2 d Cov(d, c)/c³, where Cov(d, c) = -Var(c), so the last adds up.
    variance = error**2 + share**2 * control.of_mean + 2 * share * control.of_mean
    spread = widths * math.sqrt(max(variance, 0.0)) / abs(control.mean)
    return share, share - spread, share + spread


def cuped(
    control: Numbers, treatment: Numbers, before_control: Numbers, before_treatment: Numbers
) -> tuple[Sample, Sample]:
    """Both arms with what they differed in before taken out (Deng, Xu, Kohavi and Walker 2013, WSDM, section 3).

    Y - θ (X - mean of all X), θ = Cov(Y, X) / Var(X), both within arms, so that an effect does not enter θ. Where
    nobody did anything before, nothing is taken out.

    Args:
        control: Y of the control arm's people.
        treatment: Y of the other arm's.
        before_control: X of the same people, in the same order.
        before_treatment: Likewise.
    """
    centred_y = np.concatenate([control - control.mean(), treatment - treatment.mean()])
    centred_x = np.concatenate([before_control - before_control.mean(), before_treatment - before_treatment.mean()])
    spread = float(centred_x @ centred_x)
    theta = float(centred_x @ centred_y) / spread if spread > 0 else 0.0
    middle = float(np.concatenate([before_control, before_treatment]).mean())
    return sample(control - theta * (before_control - middle)), sample(treatment - theta * (before_treatment - middle))


def sample_ratio(people: dict[str, int], weights: dict[str, float]) -> float:
    """The p-value of a chi-square test that arms have as many people as their weights say; 1 for nobody."""
    from scipy.stats import chisquare

    total = sum(people.values())
    if total == 0:
        return 1.0
    arms = sorted(weights)
    found = chisquare([people.get(arm, 0) for arm in arms], [total * weights[arm] for arm in arms])
    return float(found.pvalue)


def power_of(effect: float, deviation: float, control: int, treatment: int, alpha: float) -> float:
    """The chance to find an effect with so many people.

    Args:
        effect: A difference of means, not 0.
        deviation: Standard deviation of one person.
        control: People of the control arm.
        treatment: People of the other.
        alpha: Two-sided.
    """
    from statsmodels.stats.power import TTestIndPower

    if deviation == 0:
        return 1.0
    return float(TTestIndPower().power(abs(effect) / deviation, control, alpha, ratio=treatment / control))


def people_needed(effect: float, deviation: float, alpha: float, power: float, share: float = 0.5) -> int:
    """People of both arms together who are needed to find an effect at one planned look.

    Args:
        effect: A difference of means, not 0.
        deviation: Standard deviation of one person.
        alpha: Two-sided.
        power: Wanted chance to find it.
        share: Of the two arms' people, those of the control.
    """
    from statsmodels.stats.power import TTestIndPower

    if deviation == 0:
        return 4
    found = TTestIndPower().solve_power(abs(effect) / deviation, None, alpha, power, ratio=(1 - share) / share)
    return math.ceil(float(np.squeeze(found)) / share)


def detectable(deviation: float, control: int, treatment: int, alpha: float, power: float) -> float:
    """The smallest difference that so many people find with a given power."""
    from statsmodels.stats.power import TTestIndPower

    if deviation == 0:
        return 0.0
    found = TTestIndPower().solve_power(None, control, alpha, power, ratio=treatment / control)
    return float(np.squeeze(found)) * deviation

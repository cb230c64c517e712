"""Intervals and p-values that hold at every look: an asymptotic confidence sequence for a difference of means.

We follow Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, "Time-uniform central limit theory and asymptotic confidence
sequences" (2021, arXiv:2103.06476), Theorem 2.2: after n people with standard deviation σ,

    mean ± σ √( 2 (n ρ² + 1) / (n² ρ²) · log( √(n ρ² + 1) / α ) ).

It is Robbins' normal mixture, so its p-value is that of the mixture SPRT of Johari, Koomen, Pekelis and Walsh, "Always
valid inference" (2022, Operations Research 70(3), arXiv:1512.04922) with τ = ρ σ, and the boundary is the two-sided
normal mixture of Howard, Ramdas, McAuliffe and Sekhon (2021, arXiv:1810.08240) with ρ = 1 / ρ². A difference is taken
as the mean of an influence function, as they do for treatment effects; its variance is n squared standard errors.

It holds asymptotically: looks begin once each arm has enough people (``at_least`` of the contract).
"""

import math
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Real = TypeVar("Real", float, NDArray[np.float64])


def mixture(tuned_for: int, alpha: float) -> float:
    """ρ² for which the interval is narrowest after so many people (Waudby-Smith et al., appendix B.2)."""
    wide = -2 * math.log(alpha)
    return (wide + math.log(wide + 1)) / tuned_for


def half_width(error: Real, people: Real, alpha: float, tuned_for: int) -> Real:
    """Half of the interval of level 1 - alpha.

    Args:
        error: Standard error of the difference, as at one look.
        people: Of both arms together.
        alpha: Accepted chance that the interval ever misses.
        tuned_for: People after whom it is narrowest.
    """
    rho = mixture(tuned_for, alpha)
    inside = 2 * (people * rho + 1) / (people * rho) * np.log(np.sqrt(people * rho + 1) / alpha)
    return error * np.sqrt(inside)  # type: ignore[no-any-return]


def p_value(difference: Real, error: Real, people: Real, alpha: float, tuned_for: int) -> Real:
    """The p-value that holds at every look: the inverse of the mixture likelihood ratio, 1 at most.

    Args:
        difference: Of means.
        error: Its standard error, not 0.
        people: Of both arms together.
        alpha: For which the mixture is tuned.
        tuned_for: Likewise.
    """
    return np.exp(-np.maximum(log_ratio(difference, error, people, mixture(tuned_for, alpha)), 0.0))  # type: ignore[no-any-return]


def log_ratio(difference: Real, error: Real, people: Real, rho: float) -> Real:
    """The logarithm of the mixture likelihood ratio against no difference, for a mixture of ρ²."""
    z = difference / error
    return z * z * people * rho / (2 * (people * rho + 1)) - 0.5 * np.log(people * rho + 1)  # type: ignore[no-any-return]


def power_of(effect: float, error: float, people: int, alpha: float, tuned_for: int) -> float:
    """The chance that the interval leaves 0 out at this look, for an effect that is there."""
    from scipy.stats import norm

    if error == 0:
        return 1.0
    return float(norm.cdf((abs(effect) - half_width(error, float(people), alpha, tuned_for)) / error))


def detectable(error: float, people: int, alpha: float, power: float, tuned_for: int) -> float:
    """The smallest difference that the interval leaves 0 out for at this look, with a given power."""
    from scipy.stats import norm

    return float(half_width(error, float(people), alpha, tuned_for)) + float(norm.ppf(power)) * error


def people_needed(effect: float, deviation: float, alpha: float, power: float, share: float, tuned_for: int) -> int:
    """People of both arms together after whom an effect is found with a given power, at that look or before.

    Args:
        effect: A difference of means, not 0.
        deviation: Standard deviation of one person.
        alpha: Two-sided.
        power: Wanted chance to find it.
        share: Of the people, those of the control arm.
        tuned_for: People after whom the interval is narrowest.
    """
    from scipy.stats import norm

    if deviation == 0:
        return 4
    reach = float(norm.ppf(power))

    def is_enough(people: int) -> bool:
        error = deviation * math.sqrt(1 / (people * share) + 1 / (people * (1 - share)))
        return float(half_width(error, float(people), alpha, tuned_for)) + reach * error <= abs(effect)

    low, high = 2, 4
    while not is_enough(high):
        low, high = high, high * 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high

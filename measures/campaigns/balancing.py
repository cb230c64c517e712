"""Weights that make people who were not mailed like those who were, and how alike they then are.

Entropy balancing (Hainmueller 2012, Political Analysis 20:25–46): of all weights under which the two groups have equal
means of every covariate, those that differ least from equal ones. The weights are odds of a logistic propensity score
that is fitted by balance itself; beside a regression they make an estimate that is right if either the propensity or
the regression is (Zhao and Percival 2017, Journal of Causal Inference 5; Sant'Anna and Zhao 2020, Journal of
Econometrics 219:101–122).
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SOFTNESS = 1e-3
"""How much a covariate may stay apart for the weights' sake: by this, in standard deviations, times its multiplier.
Weights are found where exact ones do not exist; what then stays apart is told by the balance."""
STEPS = 200
CLOSE = 1e-10


def scales(mailed: Floats, others: Floats) -> Floats:
    """By what each covariate is divided: its standard deviation within the groups; one where nobody differs.

    It is that before any weighting, so that it is the same on both sides of it (Austin 2011, Multivariate Behavioral
    Research 46:399-424).
    """
    within = np.sqrt((mailed.var(axis=0) + others.var(axis=0)) / 2)
    return np.where(within > 1e-9, within, 1.0)


def differences(mailed: Floats, others: Floats, weights: Floats) -> Floats:
    """Standardised mean differences of the covariates, mailed minus others, by weight.

    Args:
        mailed: People by covariates.
        others: Likewise.
        weights: Of the others; they sum to one.
    """
    return np.asarray((mailed.mean(axis=0) - weights @ others) / scales(mailed, others), dtype=np.float64)


def effective(weights: Floats) -> float:
    """How many people of equal weight would tell as much (Kish 1965)."""
    return float(weights.sum() ** 2 / (weights**2).sum())


def entropy_weights(mailed: Floats, others: Floats) -> Floats:
    """Weights of the others, summing to one, under which their means are those of the mailed.

    Args:
        mailed: People by covariates, at least one.
        others: Likewise.
    """
    apart = (others - mailed.mean(axis=0)) / scales(mailed, others)
    multipliers = np.zeros(apart.shape[1])
    value, weights = _dual(apart, multipliers)
    for _ in range(STEPS):
        slope = weights @ apart + SOFTNESS * multipliers
        if np.abs(slope).max(initial=0.0) < CLOSE:
            break
        centred = apart - weights @ apart
        curvature = (centred * weights[:, None]).T @ centred + SOFTNESS * np.eye(apart.shape[1])
        step = np.linalg.solve(curvature, slope)
        length, gain = 1.0, float(slope @ step)
        while length > 1e-8:  # back until it pays (Armijo)
            tried, tried_weights = _dual(apart, multipliers - length * step)
            if tried <= value - 1e-4 * length * gain:
                break
            length /= 2
        else:
            break
        multipliers, value, weights = multipliers - length * step, tried, tried_weights
    return weights


def _dual(apart: Floats, multipliers: Floats) -> tuple[float, Floats]:
    """The function whose least point gives the weights, and the weights at this point."""
    exponents = apart @ multipliers
    highest = exponents.max()
    raised = np.exp(exponents - highest)
    total = raised.sum()
    value = highest + np.log(total) + SOFTNESS / 2 * multipliers @ multipliers
    return float(value), raised / total

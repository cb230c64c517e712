"""Mailed people against people like them who were not: the difference in how much each changed, with its interval."""

from dataclasses import dataclass

import numpy as np
from scipy import stats

from measures.campaigns.balancing import SOFTNESS, Floats, effective, scales

LEVEL = 0.95
POWER = 0.8


@dataclass(frozen=True)
class Interval:
    """An estimate with what is not known of it.

    Attributes:
        estimate: The number.
        low: Lower end of its 95 % interval.
        high: Upper end.
        p_value: Two-sided, of nothing at all.
        detectable: The least number that would be told from nothing four times in five.
    """

    estimate: float
    low: float
    high: float
    p_value: float
    detectable: float


@dataclass(frozen=True)
class Matched:
    """The others, weighted so that they are like the mailed.

    Attributes:
        weights: Of each of the others; they sum to one.
        implied: What a regression beside them makes of the weights; they sum to one, some may be below nothing.
        leverage: Of each of the others in that regression.
        design: The others by covariates, each less the weighted mean, in standard deviations.
        mailed_design: The mailed likewise.
        inverse: That of the weighted cross products of ``design``, with SOFTNESS added to each square (ridge), so that
            a covariate in which no two of the others differ is left out.
    """

    weights: Floats
    implied: Floats
    leverage: Floats
    design: Floats
    mailed_design: Floats
    inverse: Floats


@dataclass(frozen=True)
class Difference:
    """What an outcome of the mailed is above that of people like them.

    Attributes:
        interval: The difference.
        mailed_part: What each of the mailed adds to its error; all parts' squares sum to its variance.
        others_part: What each of the others adds.
        freedom: Degrees of freedom.
    """

    interval: Interval
    mailed_part: Floats
    others_part: Floats
    freedom: float


def match(mailed: Floats, others: Floats, weights: Floats) -> Matched:
    """Prepare the comparison of any outcome.

    A linear regression among the weighted others that predicts for the mailed is a weighted mean of the others
    (Chattopadhyay and Zubizarreta 2023, Biometrika 110:615-629). It takes away what the weights leave apart.

    Args:
        mailed: People by covariates, at least two.
        others: Likewise.
        weights: Of the others, as balancing.entropy_weights gives them.
    """
    scale, centre = scales(mailed, others), weights @ others
    design, mailed_design = (others - centre) / scale, (mailed - centre) / scale
    products = (design * weights[:, None]).T @ design
    inverse = np.asarray(np.linalg.inv(products + SOFTNESS * np.eye(len(products))), dtype=np.float64)
    implied = weights * (1 + design @ (inverse @ mailed_design.mean(axis=0)))
    leverage = weights * (1 + ((design @ inverse) * design).sum(axis=1))
    return Matched(weights, implied, np.clip(leverage, 0.0, 0.99), design, mailed_design, inverse)


def difference(matched: Matched, mailed: Floats, others: Floats) -> Difference:
    """The doubly robust difference among the mailed (average effect on the treated) in one outcome.

    A change since before is one number a person, so that the days of a person need no further clustering (Bertrand,
    Duflo and Mullainathan 2004, Quarterly Journal of Economics 119:249-275). Errors hold under unequal variances (HC3,
    MacKinnon and White 1985, Journal of Econometrics 29:305-325); degrees of freedom are Welch's.

    Args:
        matched: The people.
        mailed: The outcome of each of the mailed.
        others: The outcome of each of the others.
    """
    mean = matched.weights @ others
    slopes = matched.inverse @ (matched.design.T @ (matched.weights * others))
    left = mailed - mean - matched.mailed_design @ slopes
    estimate = float(mailed.mean() - matched.implied @ others)
    count = len(mailed)
    mailed_part = (left - left.mean()) / np.sqrt(count * (count - 1))
    others_part = -matched.implied * (others - mean - matched.design @ slopes) / (1 - matched.leverage)
    freedom = _freedom(mailed_part, count, others_part, effective(matched.weights))
    error = float(np.sqrt((mailed_part**2).sum() + (others_part**2).sum()))
    return Difference(interval(estimate, error, freedom), mailed_part, others_part, freedom)


def interval(estimate: float, error: float, freedom: float) -> Interval:
    """The 95 % interval of an estimate with a standard error, by Student's distribution."""
    reach = float(stats.t.ppf((1 + LEVEL) / 2, freedom))
    distance = abs(estimate) / error if error > 0 else np.inf if estimate else 0.0
    p_value = float(2 * stats.t.sf(distance, freedom))
    least = (reach + float(stats.t.ppf(POWER, freedom))) * error
    return Interval(estimate, estimate - reach * error, estimate + reach * error, p_value, least)


def _freedom(mailed_part: Floats, mailed: int, others_part: Floats, others: float) -> float:
    """Welch's degrees of freedom of a sum of two variances (Welch 1947, Biometrika 34:28-35)."""
    of_mailed, of_others = float((mailed_part**2).sum()), float((others_part**2).sum())
    parts = of_mailed**2 / (mailed - 1) + of_others**2 / max(others - 1, 1)
    return float((of_mailed + of_others) ** 2 / parts) if parts > 0 else float(mailed - 1)

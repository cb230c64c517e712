"""Estimates with intervals, from one number or two for each person: totals, ratios, proportions, medians, differences.

People are the units: what one person does is not independent, so each person's rows are summed before anything is said
of how much people vary. The people seen are taken as drawn from many alike.

- Ratio: the linear approximation of a ratio of means (Cochran, Sampling Techniques, 3rd ed., 1977, chapter 6; Deng,
  Knoblich and Lu, "Applying the Delta Method in Metric Analytics", KDD 2018, arXiv:1803.06336).
- Proportion of people: Wilson, "Probable Inference, the Law of Succession, and Statistical Inference", JASA 22 (1927),
  which has a width where none or all of the people did it.
- Median: Woodruff, "Confidence Intervals for Medians and Other Position Measures", JASA 47 (1952): the interval of the
  share of rows below the median, read off the sorted rows.
- Difference: Zou and Donner, "Construction of confidence limits about effect measures: a general approach",
  Statistics in Medicine 27 (2008): from the two intervals alone; of two proportions it is Newcombe's (1998).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

CONFIDENCE = 0.95
Status = Literal["known", "no_variation", "no_rows", "too_few_people", "not_computed"]
Method = Literal["wilson", "delta", "woodruff", "none"]


@dataclass(frozen=True)
class Estimate:
    """A number, and between what it may lie.

    Attributes:
        value: None where there is nothing to compute it from.
        low: Lower end of the interval; None where it is not known.
        high: Upper end.
        people: How many people it is of.
        status: ``no_variation`` where all people are alike, which says nothing of how people differ.
        method: How the interval was found.
    """

    value: float | None
    low: float | None
    high: float | None
    people: int
    status: Status
    method: Method = "none"


def nothing(people: int, status: Status) -> Estimate:
    """No number, and why."""
    return Estimate(None, None, None, people, status)


def proportion(those: float, people: int, confidence: float = CONFIDENCE) -> Estimate:
    """The share of people who are such, by Wilson's interval."""
    if people == 0:
        return nothing(0, "no_rows")
    z = float(stats.norm.ppf((1 + confidence) / 2))
    share, spread = those / people, z * z / people
    middle = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * float(np.sqrt(share * (1 - share) / people + spread / (4 * people)))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half), people, "known", "wilson")


def total(values: "Numbers", confidence: float = CONFIDENCE) -> Estimate:
    """The sum over people."""
    people = len(values)
    if people == 0:
        return nothing(0, "no_rows")
    return _around(float(values.sum()), values * people, values, confidence)


def number(those: float, people: int, confidence: float = CONFIDENCE) -> Estimate:
    """How many of so many people are such."""
    share = proportion(those, people, confidence)
    if share.low is None or share.high is None:
        return share
    return Estimate(those, share.low * people, share.high * people, people, "known", "wilson")


def ratio(above: "Numbers", below: "Numbers", confidence: float = CONFIDENCE) -> Estimate:
    """The sum of one number over the sum of another, each given for every person."""
    whole, people = float(below.sum()), int(np.count_nonzero(below))
    if people == 0 or whole == 0:
        return nothing(people, "no_rows")
    value = float(above.sum()) / whole
    off = (above - value * below) * (len(below) / whole)
    found = _around(value, off, above, confidence)
    return Estimate(found.value, found.low, found.high, people, found.status, found.method)


def median(rows: "Numbers", owners: "NDArray[np.int64]", confidence: float = CONFIDENCE) -> Estimate:
    """The middle of all rows; of two middles their mean.

    Args:
        rows: A number for each row.
        owners: Whose row it is.
        confidence: Of the interval.
    """
    if len(rows) == 0:
        return nothing(0, "no_rows")
    value = float(np.median(rows))
    _, places = np.unique(owners, return_inverse=True)
    people = int(places.max()) + 1
    # A row at the median counts half: with ties the share below it would not be one half.
    below = np.asarray(np.bincount(places, (rows < value) + 0.5 * (rows == value), people), dtype=np.float64)
    of_each = np.asarray(np.bincount(places, minlength=people), dtype=np.float64)
    share = ratio(below, of_each, confidence)
    if share.value is None or share.low is None or share.high is None:
        return Estimate(value, None, None, people, "no_variation")
    # The share's error around one half, not around the share: with many rows at the median that is far from it.
    shares = [max(0.0, 0.5 + share.low - share.value), min(1.0, 0.5 + share.high - share.value)]
    low, high = np.quantile(rows, shares, method="inverted_cdf")
    return Estimate(value, min(value, float(low)), max(value, float(high)), people, "known", "woodruff")


def difference(one: Estimate, other: Estimate) -> Estimate:
    """One estimate less another of other people."""
    people = one.people + other.people
    if one.value is None or other.value is None:
        return nothing(people, "no_rows")
    value = one.value - other.value
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return Estimate(value, None, None, people, "no_variation")
    low = value - float(np.hypot(one.value - one.low, other.high - other.value))
    high = value + float(np.hypot(one.high - one.value, other.value - other.low))
    method = one.method if one.method == other.method else "delta"
    return Estimate(value, low, high, people, "known", method)


def _around(value: float, off: "Numbers", counted: "Numbers", confidence: float) -> Estimate:
    """A value and its interval by Student's t, from what each person adds to how far it may be off."""
    people = len(off)
    spread = float(off.std(ddof=1)) if people > 1 else 0.0
    if spread <= 1e-12 * max(1.0, abs(value)):
        return Estimate(value, None, None, people, "no_variation")
    half = float(stats.t.ppf((1 + confidence) / 2, people - 1)) * spread / float(np.sqrt(people))
    least = 0.0 if bool(np.all(counted >= 0)) else -np.inf
    return Estimate(value, max(least, value - half), value + half, people, "known", "delta")

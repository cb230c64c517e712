"""Several campaigns as one: their mean over the people mailed, with what each person adds to its error counted once."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from measures.campaigns.comparison import Interval, interval
from measures.campaigns.found import Found


def pooled(found: Sequence[Found], outcome: str) -> Interval:
    """The mean of the comparisons' differences, by mailed people times weeks.

    One person is in many comparisons, mailed or beside the mailed: what they add to the errors is summed over all of
    them first (Liang and Zeger 1986, Biometrika 73:13-22, for clusters of persons).
    """
    sizes = np.array([len(one.people.mailed) * float(one.people.mailed["weeks_during"].iloc[0]) for one in found])
    shares = sizes / sizes.sum()
    outcomes = [one.outcomes[outcome] for one in found]
    estimate = float(shares @ np.array([made.interval.estimate for made in outcomes]))
    parts = []
    for share, one, made in zip(shares, found, outcomes, strict=True):
        parts.append(pd.Series(share * made.mailed_part, index=one.people.mailed["profile_id"]))
        parts.append(pd.Series(share * made.others_part, index=one.people.others["profile_id"]))
    by_person = pd.concat(parts).groupby(level=0, sort=True).sum().to_numpy(dtype=np.float64)
    people = len({person for one in found for person in one.people.mailed["profile_id"]})
    return interval(estimate, float(np.sqrt((by_person**2).sum())), float(max(people - 1, 1)))

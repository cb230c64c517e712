"""Comparisons that were made: who was compared, how alike they are, and what came out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from contracts.metric import FEWEST_SHOWN
from measures.campaigns.balancing import Floats, differences, effective, entropy_weights
from measures.campaigns.comparison import Difference, Matched, difference, match
from measures.campaigns.people import Compared, compared

OUTCOMES = ("spend", "orders")


@dataclass(frozen=True)
class Found:
    """One comparison.

    Attributes:
        people: Who was compared.
        matched: The others' weights.
        outcomes: By outcome, the change of the mailed above that of people like them, a person and week.
        apart_before: Standardised difference of each covariate without weights.
        apart_after: The same with them.
    """

    people: Compared
    matched: Matched
    outcomes: Mapping[str, Difference]
    apart_before: Floats
    apart_after: Floats

    @property
    def effective(self) -> float:
        return effective(self.matched.weights)


def compare(people: Compared) -> Found | None:
    """Compare the people of one comparison; None where there are too few to say anything."""
    mailed, others = people.mailed_covariates, people.others_covariates
    if min(len(mailed), len(others)) < FEWEST_SHOWN:
        return None
    weights = entropy_weights(mailed, others)
    matched = match(mailed, others, weights)
    alike = np.full(len(others), 1 / len(others))
    outcomes = {
        name: difference(matched, _change(people.mailed, name), _change(people.others, name)) for name in OUTCOMES
    }
    return Found(people, matched, outcomes, differences(mailed, others, alike), differences(mailed, others, weights))


def _change(people: pd.DataFrame, outcome: str) -> Floats:
    """How much more a week during the campaign than in the weeks before."""
    return np.asarray(people[f"{outcome}_during"] - people[outcome], dtype=np.float64)


def comparisons(people: pd.DataFrame) -> dict[tuple[str, str], Found]:
    """Every comparison that can be made, by campaign and kind, in order."""
    found = {}
    for key, group in people.groupby(["campaign_id", "kind"], sort=True):
        made = compare(compared(group.sort_values("profile_id", ignore_index=True)))
        if made is not None:
            campaign, kind = key
            found[str(campaign), str(kind)] = made
    return found

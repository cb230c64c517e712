"""Fitting the weights to a file, without labels: a mixture of matches, households and strangers.

We follow Fellegi and Sunter (1969, doi:10.1080/01621459.1969.10501049) with expectation maximisation as in Winkler,
"Using the EM Algorithm for Weight Computation in the Fellegi-Sunter Model of Record Linkage" (2000). We differ in
three things. Beside strangers there is a second kind of two people: those of one household, who share last name,
address and contact, and differ in first name and birth date; without it twins and fathers and sons outvote their first
names. Each share starts from what was expected of it and moves with the data (a Dirichlet prior), so that ten rows are
scored by expectations and a million by themselves. And strangers are learnt from pairs drawn at random, freed of the
matches among them, while pairs that no blocking rule brings together count as strangers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2

import numpy as np

from identity.people.comparisons import Comparison

PRIOR_PAIRS = 200.0
"""How many pairs of each kind the expected shares count for."""
TEACHING_PAIRS = 100.0
"""Fewer pairs of a kind than this teach the less, the fewer they are."""
PRIOR_STRANGERS = 200_000.0
"""For how many pairs of strangers they count in a file that has fewer: the likeness of a few says nothing of all."""
POPULATION = 50_000
"""What is expected of a smaller file is what is expected of a part of so many records."""
EXPECTED_PAIRS = 2.0
"""How many matches, and pairs of a household, the expected shares of all pairs count for."""
ROUNDS, CLOSE_ENOUGH = 200, 1e-6
NAMES = ("name", "first_name", "last_name", "middle_name")
PINNED = (*NAMES, "birth_date")
"""In these the shares of households stay as expected: it is they that tell two people of a household from one."""


@dataclass(frozen=True)
class Patterns:
    """Pairs counted by what their comparisons found: ``levels`` has one row a pattern (-1: nothing to compare)."""

    levels: np.ndarray
    pairs: np.ndarray


@dataclass(frozen=True)
class Weights:
    """What a fit found: for each kind of pair its share of all pairs, and for each comparison those of its levels."""

    matches: float
    households: float
    match: tuple[np.ndarray, ...]
    household: tuple[np.ndarray, ...]
    stranger: tuple[np.ndarray, ...]

    def weigh(self, levels: np.ndarray) -> np.ndarray:
        """Match weight of each pattern: log2 of the odds that both are one person."""
        match, household, stranger = self.logs(levels)
        return match - np.logaddexp2(household, stranger)

    def logs(self, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """For each pattern log2 of the share of pairs that are a match and such, of a household, of strangers."""
        kinds = (
            (self.matches, self.match),
            (self.households, self.household),
            (1 - self.matches - self.households, self.stranger),
        )
        match, household, stranger = (log2(share) + _log_share(within, levels) for share, within in kinds)
        return match, household, stranger


def expected(comparisons: tuple[Comparison, ...], records: int, pairs: float) -> Weights:
    """What was expected before any data was seen.

    Args:
        comparisons: The comparisons.
        records: How many records there are.
        pairs: How many pairs of them could be one person.
    """
    shares = [
        tuple(_normal(np.array([getattr(level, kind) for level in item.levels])) for item in comparisons)
        for kind in ("match", "household", "stranger")
    ]
    few = 0.3 * _per_record(records, pairs)
    return Weights(few, few, *shares)


def _per_record(records: int, pairs: float) -> float:
    """The share of all pairs that one pair for each record is."""
    return 2 / POPULATION if records < POPULATION else records / pairs


def fit(comparisons: tuple[Comparison, ...], records: int, pairs: float, blocked: Patterns, drawn: Patterns) -> Weights:
    """Fit the shares to a file.

    Args:
        comparisons: The comparisons.
        records: How many records there are.
        pairs: How many pairs of them could be one person.
        blocked: The pairs that blocking rules bring together.
        drawn: Pairs drawn at random from all.
    """
    start = expected(comparisons, records, pairs)
    now = start
    per_record = _per_record(records, pairs)
    doubt = EXPECTED_PAIRS / start.matches
    for _ in range(ROUNDS):
        match, household, met = _kinds(now, comparisons, blocked)
        *_, stranger = _kinds(now, comparisons, drawn)
        shares = _shares(start.match, blocked.levels, match)
        matches = (match.sum() + start.matches * doubt) / (pairs + doubt)
        households = (household.sum() + start.households * doubt) / (pairs + doubt)
        moved = abs(log2(matches / now.matches))
        now = Weights(
            matches,
            households,
            _within(_most(comparisons, shares), shares),
            tuple(
                before if item.name in PINNED else after
                for item, before, after in zip(
                    comparisons, start.household, _shares(start.household, blocked.levels, household), strict=True
                )
            ),
            _within(
                [[level.most_by_chance * per_record for level in item.levels] for item in comparisons],
                _strangers(comparisons, start.stranger, drawn, stranger, blocked, met, pairs + doubt),
            ),
        )
        if moved < CLOSE_ENOUGH:
            break
    return now


def _kinds(weights: Weights, comparisons: Sequence[Comparison], patterns: Patterns) -> np.ndarray:
    """For each pattern how many of its pairs are matches, of one household, strangers, as far as a fit believes it.

    Where the rest, taken together, does not speak for a match, names alone make one no likelier than even: a fit would
    otherwise take all people of one name for one person, and learn that a person's mailboxes differ.
    """
    match, household, stranger = weights.logs(patterns.levels)
    others = [at for at, item in enumerate(comparisons) if item.name not in NAMES]
    match_of_rest, stranger_of_rest = (
        _log_share(tuple(shares[at] for at in others), patterns.levels[:, others])
        for shares in (weights.match, weights.stranger)
    )
    even = np.logaddexp2(household, stranger)
    logs = np.stack([np.where(match_of_rest > stranger_of_rest, match, np.minimum(match, even)), household, stranger])
    odds = np.exp2(logs - logs.max(axis=0))
    return odds / odds.sum(axis=0) * patterns.pairs


def _log_share(shares: tuple[np.ndarray, ...], levels: np.ndarray) -> np.ndarray:
    total = np.zeros(len(levels))
    for at, share in enumerate(shares):
        total += np.append(np.log2(share), 0.0)[levels[:, at]]  # level -1, the last, says nothing
    return total


def _shares(
    start: tuple[np.ndarray, ...], levels: np.ndarray, pairs: np.ndarray, prior: float = 0.0
) -> tuple[np.ndarray, ...]:
    prior = prior or PRIOR_PAIRS * max(1.0, TEACHING_PAIRS / max(1.0, pairs.sum()))
    found = []
    for at, before in enumerate(start):
        said = levels[:, at] >= 0
        counted = np.bincount(levels[said, at], weights=pairs[said], minlength=len(before))
        found.append(_normal(counted + prior * before))
    return tuple(found)


def _most(comparisons: Sequence[Comparison], shares: tuple[np.ndarray, ...]) -> list[list[float]]:
    """The greatest shares that the levels of matches may come to, where they would come to ``shares``."""
    return [
        [min(level.most, level.most_beside_equal * share[0]) for level in item.levels]
        for item, share in zip(comparisons, shares, strict=True)
    ]


def _within(limits: Sequence[Sequence[float]], shares: tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """Shares, none above the most that its level may come to; what is cut off goes to the others."""
    found = []
    for limit, share in zip(limits, shares, strict=True):
        most, cut, now = np.array(limit), np.zeros(len(share), dtype=bool), share
        while (over := (now > most) & ~cut).any():
            cut |= over
            rest = np.where(cut, 0.0, share)
            now = np.where(cut, most, rest * (1 - most[cut].sum()) / rest.sum())
        found.append(now)
    return tuple(found)


def _strangers(
    comparisons: tuple[Comparison, ...],
    start: tuple[np.ndarray, ...],
    drawn: Patterns,
    counted: np.ndarray,
    blocked: Patterns,
    met: np.ndarray,
    pairs: float,
) -> tuple[np.ndarray, ...]:
    """Shares of strangers from the drawn pairs; but no level is rarer than blocking shows it to be.

    Of a level that one pair in ten million falls into no drawn pair tells, but a rule that blocks on it meets them all.

    Args:
        comparisons: The comparisons.
        start: The expected shares.
        drawn: Pairs drawn at random.
        counted: How many of them, by pattern, are strangers.
        blocked: Pairs that blocking rules bring together.
        met: How many of them are strangers.
        pairs: How many pairs could be one person.
    """
    found = []
    few = _shares(start, blocked.levels, met)
    many = _shares(start, drawn.levels, counted, max(PRIOR_PAIRS, PRIOR_STRANGERS - counted.sum()))
    for at, item in enumerate(comparisons):
        if item.is_conditional:
            found.append(few[at])
            continue
        said = blocked.levels[:, at] >= 0
        least = np.bincount(blocked.levels[said, at], weights=met[said] / pairs, minlength=len(many[at]))
        found.append(_normal(np.maximum(many[at], least)))
    return tuple(found)


def _normal(shares: np.ndarray) -> np.ndarray:
    return shares / shares.sum()

"""Attribution by removal: a first-order Markov chain over the paths, and what it loses without a channel.

Anderl, Becker, von Wangenheim and Schumann: Mapping the customer journey (International Journal of Research in
Marketing 33, 2016). The chain is solved exactly, by its fundamental matrix (Kemeny and Snell: Finite Markov Chains,
1960, chapter 3), not by simulated walks.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from measures.attribution.paths import Paths

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Chain:
    """An absorbing chain: where journeys begin, go, and end.

    Attributes:
        start: The share of journeys that begin with each player.
        go: The share of steps from one player to another.
        win: The share of steps from a player into an outcome.
        worth: What a step from a player into the end brings on average, in cents.
    """

    start: "NDArray[np.float64]"
    go: "NDArray[np.float64]"
    win: "NDArray[np.float64]"
    worth: "NDArray[np.float64]"


def chain(paths: Paths, players: int) -> Chain:
    """Count the steps of all journeys, with and without an outcome."""
    ends = np.cumsum(paths.lengths)
    starts = ends - paths.lengths
    each = np.repeat(paths.journeys, paths.lengths)
    inner = np.ones(len(paths.steps), bool)
    inner[ends - 1] = False
    origin = np.flatnonzero(inner)
    pairs = paths.steps[origin] * players + paths.steps[origin + 1]
    go = np.bincount(pairs, each[origin], players * players).reshape(players, players)
    last = paths.steps[ends - 1]
    first = np.bincount(paths.steps[starts], paths.journeys, players)
    left = np.bincount(paths.steps, each, players)
    all_of = np.where(left > 0, left, 1)
    return Chain(
        first / max(first.sum(), 1),
        go / all_of[:, None],
        np.bincount(last, paths.won, players) / all_of,
        np.bincount(last, paths.cents, players) / all_of,
    )


def removal_effects(paths: Paths, players: int) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """The share of outcomes, and that of their value, that the chain loses when a player leads nowhere any more."""
    if not len(paths.lengths):
        return np.zeros(players), np.zeros(players)
    made = chain(paths, players)
    whole = _reached(made, np.arange(players))
    lost = np.zeros((2, players))
    for player in np.unique(paths.steps):
        kept = np.flatnonzero(np.arange(players) != player)
        without = _reached(made, kept)
        lost[:, player] = [1 - part / all_of if all_of else 0 for part, all_of in zip(without, whole, strict=True)]
    return lost[0], lost[1]


def _reached(made: Chain, kept: "NDArray[np.int64]") -> tuple[float, float]:
    """The probability of an outcome, and its expected value, where only the players kept lead on."""
    go = made.go[np.ix_(kept, kept)]
    visits = np.linalg.solve((np.eye(len(kept)) - go).T, made.start[kept])
    return float(visits @ made.win[kept]), float(visits @ made.worth[kept])

"""Attribution by Shapley values: the average of what a channel adds to every set of others.

Shao and Li: Data-driven multi-touch attribution models (KDD 2011); Zhao, Mahboobi and Bagheri: Shapley value methods
for attribution modeling in online advertising (2018, arXiv:1804.05327). A set of channels is worth what a journey
brings on average that touched none but them, journeys without an outcome counted; where none is such, nothing. So a
channel without which journeys bring more has a negative value. All sets are summed over: nothing is sampled.

Campaigns are many, and few journeys touched none but some set of them: what such a set brings on average is mostly
chance. So there are two steps, as in Kamijo: A two-step Shapley value for cooperative games with coalition structures
(International Game Theory Review 11, 2009); but while there what a union gains from the others goes to its players in
equal parts, a campaign here has a proportional part of all that its channel is worth. The proportions are the Shapley
values of the game among the channel's campaigns in which a set is worth the sum of what the journeys brought that
touched none but them in that channel: each journey's outcome, in equal parts among those that it touched.
"""

from math import factorial
from typing import TYPE_CHECKING

import numpy as np

from contracts.attribution import MOST_CHANNELS
from measures.attribution.paths import Paths

if TYPE_CHECKING:
    from numpy.typing import NDArray


def shapley(paths: Paths, players: int) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """What each player is credited with, in orders and in cents; the sums are those of the paths.

    Raises:
        ValueError: If there are more players than sets of them can be summed over.
    """
    if players > MOST_CHANNELS:
        raise ValueError(f"{players} players have 2^{players} sets: {MOST_CHANNELS} at most")
    sets = sets_of(paths)
    journeys = within(np.bincount(sets, paths.journeys, 1 << players), players)
    total = paths.journeys.sum()
    found = []
    for outcome in (paths.orders, paths.cents):
        sums = within(np.bincount(sets, outcome, 1 << players), players)
        worth = np.divide(sums, journeys, out=np.zeros_like(sums), where=journeys > 0)
        found.append(values(worth, players) * total)
    return found[0], found[1]


def within_channels(
    paths: Paths, channels: "NDArray[np.int64]", of_channels: "tuple[NDArray[np.float64], NDArray[np.float64]]"
) -> "tuple[NDArray[np.float64], NDArray[np.float64]]":
    """What each campaign is credited with, in orders and in cents; those of a channel sum to the channel's value.

    Args:
        paths: Journeys, whose players are campaigns.
        channels: The channel of each campaign, numbers from 0.
        of_channels: What :func:`shapley` credits each channel with on the same journeys.
    """
    path, campaign, part = _parts(paths, channels)
    count, players = len(channels), len(of_channels[0])
    touched = np.bincount(campaign, paths.journeys[path] * part, count)
    found = []
    for value, outcome in zip(of_channels, (paths.orders, paths.cents), strict=True):
        brought = np.bincount(campaign, outcome[path] * part, count)
        sums = np.bincount(channels, brought, players)
        # Of a channel that brought nothing by itself the value goes by the journeys that it touched.
        weight = np.where(sums[channels] > 0, brought, touched)
        whole = np.bincount(channels, weight, players)[channels]
        found.append(value[channels] * np.divide(weight, whole, out=np.zeros(count), where=whole > 0))
    return found[0], found[1]


def _parts(
    paths: Paths, channels: "NDArray[np.int64]"
) -> "tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]":
    """Path and campaign, each pair once, and the part of its channel that the campaign has in the path."""
    count = len(channels)
    numbers = np.repeat(np.arange(len(paths.lengths)), paths.lengths)
    path, campaign = np.divmod(np.unique(numbers * count + paths.steps), count)
    places = path * (int(channels.max(initial=0)) + 1) + channels[campaign]
    _, same, times = np.unique(places, return_inverse=True, return_counts=True)
    return path, campaign, 1 / times[same.ravel()]


def sets_of(paths: Paths) -> "NDArray[np.int64]":
    """The set of players of each path, as the sum of two to the power of their numbers."""
    if not len(paths.lengths):
        return np.zeros(0, np.int64)
    starts = np.cumsum(paths.lengths) - paths.lengths
    return np.bitwise_or.reduceat(np.left_shift(1, paths.steps), starts)


def within(of_sets: "NDArray[np.int64] | NDArray[np.float64]", players: int) -> "NDArray[np.float64]":
    """The sum over all subsets of each set (the zeta transform)."""
    summed = of_sets.astype(np.float64)
    for player in range(players):
        halves = summed.reshape(-1, 2, 1 << player)
        halves[:, 1] += halves[:, 0]
    return summed


def values(worth: "NDArray[np.float64]", players: int) -> "NDArray[np.float64]":
    """The Shapley values of a game, whose worth is given for each set."""
    sets = np.arange(1 << players)
    sizes = np.array([int(number).bit_count() for number in sets])
    weights = np.array([factorial(size) * factorial(players - size - 1) for size in range(players)]) / factorial(
        players
    )
    found = np.zeros(players)
    for player in range(players):
        without = sets[(sets >> player) & 1 == 0]
        found[player] = np.sum(weights[sizes[without]] * (worth[without | (1 << player)] - worth[without]))
    return found

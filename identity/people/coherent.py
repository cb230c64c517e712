"""Clusters that hold together: a union is refused where the records of both sides speak against each other.

Connected components join two people as soon as one record stands between them, the more so the bigger the data. Here
edges join strongest first, and a union must be borne by all pairs across: the mean of their match weights, each taken
as no more than ``MOST``, must not be negative (average linkage, Sokal and Michener 1958, as a veto). The order is a
total order on weights and records, so the order of rows never changes the answer.
"""

from dataclasses import dataclass

import numpy as np

from identity.forest import spanning_forest

MOST = 15.0
UNMET = -5.0
"""The weight of a pair that was never compared, in components too big to compare all their pairs."""


@dataclass(frozen=True)
class Edges:
    """Pairs with their match weights, strongest first; ``l`` and ``r`` number records from 0."""

    l: np.ndarray  # noqa: E741
    r: np.ndarray
    weight: np.ndarray


def components(records: int, edges: Edges) -> np.ndarray:
    """The connected component of each record, named by its least record."""
    return spanning_forest(records, edges.l, edges.r)[0]


def join(records: int, edges: Edges, inner: Edges) -> tuple[np.ndarray, np.ndarray]:
    """Join records along edges.

    Args:
        records: How many there are.
        edges: The edges that may join.
        inner: All pairs within components of more than two records, in any order; one that is missing counts as UNMET.

    Returns:
        The cluster of each record, named by its least record; and which edges joined two clusters.
    """
    component, joins = spanning_forest(records, edges.l, edges.r)
    doubted = _incomplete(component, inner)
    doubted[component[inner.l[inner.weight < 0]]] = True
    in_doubt = np.flatnonzero(doubted[component[edges.l]])
    across = doubted[component[inner.l]]
    joins[in_doubt] = _agglomerate(
        records,
        Edges(edges.l[in_doubt], edges.r[in_doubt], edges.weight[in_doubt]),
        Edges(inner.l[across], inner.r[across], np.clip(inner.weight[across], -MOST, MOST)),
    )
    clusters, _ = spanning_forest(records, edges.l[joins], edges.r[joins])
    return clusters, joins


def _incomplete(component: np.ndarray, inner: Edges) -> np.ndarray:
    """Components of which not all pairs were compared."""
    size = np.bincount(component, minlength=len(component))
    met = np.bincount(component[inner.l], minlength=len(component))
    return (size > 2) & (met < size * (size - 1) // 2)


def _agglomerate(records: int, edges: Edges, inner: Edges) -> np.ndarray:
    """Which of the edges, strongest first, join two clusters.

    An edge that is the strongest one of both its clusters is taken before any other that touches them, so all such
    edges are taken at once. Where a union is refused, every edge between its two clusters is. A round costs what is
    still open, not what there is: the arrays over records are made once.
    """
    joins = np.zeros(len(edges.l), dtype=bool)
    name, size = np.arange(records), np.ones(records, dtype=np.int64)
    turn, best = np.full(records, -1), np.empty(records, dtype=np.int64)
    alive, one, other = np.arange(len(edges.l)), edges.l, edges.r
    inner_l, inner_r, weight = inner.l, inner.r, inner.weight
    while len(alive):
        chosen = _strongest(best, one, other)
        a, b = one[chosen], other[chosen]
        turn[a] = turn[b] = np.arange(len(chosen))
        turn_l, turn_r = turn[inner_l], turn[inner_r]
        across = (turn_l >= 0) & (turn_l == turn_r)
        borne = np.bincount(turn_l[across], weights=weight[across], minlength=len(chosen))
        met = np.bincount(turn_l[across], minlength=len(chosen))
        union = borne + UNMET * (size[a] * size[b] - met) >= 0
        joins[alive[chosen[union]]] = True
        decided = (turn[one] >= 0) & (turn[one] == turn[other])
        turn[a] = turn[b] = -1
        low, high = np.minimum(a, b)[union], np.maximum(a, b)[union]
        size[low] += size[high]
        name[high] = low
        alive, one, other = alive[~decided], name[one[~decided]], name[other[~decided]]
        inner_l, inner_r = name[inner_l], name[inner_r]
        turn[one] = turn[other] = 0  # marks what is still open
        is_open = (turn[inner_l] == 0) & (turn[inner_r] == 0) & (inner_l != inner_r)
        turn[one] = turn[other] = -1
        inner_l, inner_r, weight = inner_l[is_open], inner_r[is_open], weight[is_open]
    return joins


def _strongest(best: np.ndarray, one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The edges that are the strongest one of both their clusters; edges stand strongest first."""
    best[one] = best[other] = len(one)
    places = np.arange(len(one))
    np.minimum.at(best, one, places)
    np.minimum.at(best, other, places)
    return np.flatnonzero((best[one] == places) & (best[other] == places))

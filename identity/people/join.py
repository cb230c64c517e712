"""From weighed pairs to clusters, and how sure each record is of its own."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from identity.forest import weakest_to_roots
from identity.people import coherent
from identity.people.coherent import Edges
from identity.people.mixture import Weights
from identity.people.pairs import Bench

LINK_WEIGHT = 2.0
"""From this match weight on a pair is linked: odds of four to one."""
ALL_INSIDE = 2_000
"""In components of more records than this only pairs that a blocking rule met are weighed."""


@dataclass(frozen=True)
class Joined:
    """What joining gave.

    Attributes:
        clusters: The cluster of each record, named by its least record.
        probability: Of the weakest link on the way from each record to that one; 1.0 for itself.
        links: How many pairs reached LINK_WEIGHT.
    """

    clusters: np.ndarray
    probability: np.ndarray
    links: int


def join(bench: Bench, weights: Weights) -> Joined:
    """Join records along the table ``weighed``, all here."""
    edges = edges_of(bench.tables.rows(f"SELECT l, r, weight FROM weighed WHERE weight >= {LINK_WEIGHT}"))
    component = coherent.components(bench.records, edges)
    size = np.bincount(component, minlength=bench.records)[component]
    chosen = np.flatnonzero(size > 2)
    members = {"i": pa.array(chosen, pa.int32()), "component": component[chosen], "size": size[chosen]}
    bench.tables.put("member", pa.table(members))
    weigh_inside(bench, weights)
    inner = edges_of(bench.tables.rows("SELECT l, r, weight FROM inside_weighed"))
    clusters, probability = join_edges(bench.records, edges, inner)
    return Joined(clusters, probability, len(edges.weight))


def weigh_inside(bench: Bench, weights: Weights) -> None:
    """Make the table ``inside_weighed`` of all pairs within the components of more than two records.

    Args:
        bench: With the table ``member`` of those records: i, component, and size, the records of the component.
        weights: The weights.
    """
    bench.tables.make(
        "unmet",
        f"""SELECT l, r FROM (SELECT a.i AS l, b.i AS r FROM member a JOIN member b USING (component)
                              WHERE a.i < b.i AND a.size <= {ALL_INSIDE})
            LEFT JOIN weighed USING (l, r) WHERE weight IS NULL""",
    )
    bench.compare("unmet", "unmet_compared")
    bench.weigh("unmet_compared", weights, "unmet_weighed")
    bench.tables.make(
        "inside_weighed",
        """SELECT l, r, weight FROM weighed JOIN member a ON a.i = l JOIN member b ON b.i = r
           WHERE a.component = b.component
           UNION ALL SELECT l, r, weight FROM unmet_weighed""",
    )


def edges_of(weighed: pa.Table) -> Edges:
    """Weighed pairs, strongest first; equals in the order of their records."""
    left, right, weight = (weighed[name].to_numpy() for name in ("l", "r", "weight"))
    order = np.argsort(left.astype(np.int64) << 32 | right)
    order = order[np.argsort(-weight[order], kind="stable")]
    return Edges(left[order], right[order], weight[order])


def join_edges(records: int, edges: Edges, inner: Edges) -> tuple[np.ndarray, np.ndarray]:
    """``clusters`` and ``probability`` of Joined. Components never touch each other: some alone give the same as all.

    Args:
        records: How many there are.
        edges: Pairs that may join.
        inner: All pairs within their components.
    """
    clusters, joins = coherent.join(records, edges, inner)
    probability, _ = weakest_to_roots(
        records,
        np.unique(clusters),
        edges.l[joins],
        edges.r[joins],
        1 / (1 + np.exp2(-edges.weight[joins])),
        np.zeros(joins.sum(), dtype=np.int64),
    )
    return clusters, probability

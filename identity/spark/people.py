"""Joining the people of a file in Spark: components by rounds, each then joined by the code that DuckDB's way runs."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from identity.people.join import LINK_WEIGHT, Joined, edges_of, join_edges, weigh_inside
from identity.people.mixture import Weights
from identity.people.pairs import Bench
from identity.spark.components import components
from identity.spark.tables import SparkTables

RECORDS_A_GROUP = 50_000
"""About so many records are joined by one task; a component is never parted."""


def join(bench: Bench, weights: Weights) -> Joined:
    """Join records along the table ``weighed``; only the cluster of each record comes here, and no edge."""
    tables = bench.tables
    assert isinstance(tables, SparkTables)  # noqa: S101
    tables.make("link", f"SELECT l, r, weight FROM weighed WHERE weight >= {LINK_WEIGHT}")
    tables.keep("grouped", components(tables.spark.table("link")))
    tables.make(
        "member",
        """SELECT node::INTEGER AS i, component, size
           FROM (SELECT *, count(*) OVER (PARTITION BY component) AS size FROM grouped) WHERE size > 2""",
    )
    weigh_inside(bench, weights)
    groups = bench.records // RECORDS_A_GROUP + 1
    pairs = tables.query(
        f"""SELECT component % {groups} AS part, l, r, weight, is_link
            FROM (SELECT l, r, weight, true AS is_link FROM link
                  UNION ALL SELECT l, r, weight, false FROM inside_weighed) JOIN grouped ON node = l"""
    )
    found = pairs.groupBy("part").applyInArrow(_joined, "i int, cluster int, probability double").toArrow()
    clusters, probability = np.arange(bench.records), np.ones(bench.records)
    places = found["i"].to_numpy()
    clusters[places], probability[places] = found["cluster"].to_numpy(), found["probability"].to_numpy()
    return Joined(clusters, probability, bench.count("link"))


def _joined(pairs: pa.Table) -> pa.Table:
    """Some whole components, their records numbered anew in the same order."""
    nodes = np.unique(np.concatenate([pairs["l"].to_numpy(), pairs["r"].to_numpy()]))
    numbered = pa.table(
        {name: np.searchsorted(nodes, pairs[name].to_numpy()) for name in ("l", "r")} | {"weight": pairs["weight"]}
    )
    is_link = pairs["is_link"].combine_chunks()
    clusters, probability = join_edges(
        len(nodes),
        edges_of(numbered.filter(is_link)),
        edges_of(numbered.filter(pc.invert(is_link))),
    )
    return pa.table(
        {"i": nodes.astype(np.int32), "cluster": nodes[clusters].astype(np.int32), "probability": probability}
    )

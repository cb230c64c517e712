"""Resolving a table of people: block, compare, fit, join, assign."""

from collections.abc import Callable
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.errors import DataError
from identity.assign import ID_DIGITS
from identity.forest import weakest_to_roots
from identity.people import blocking, coherent
from identity.people.learn import LINK_WEIGHT, Plan, fitted, learn
from identity.people.mixture import Weights
from identity.people.model import Fitted
from identity.people.pairs import WEIGHT_DIGITS, Bench
from identity.sql import query

ALL_INSIDE = 2_000
"""In components of more records than this only pairs that a blocking rule met are weighed."""
MEMORY = "6GB"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Resolved:
    """What was found.

    Attributes:
        clusters: dataset, record_id, profile_id, kind (founder, probabilistic), probability; as the rows stood.
        bench: What was compared, and how.
        plan: The blocking rules.
        weights: The weights.
        pairs: How many pairs were compared.
        links: How many of them reached LINK_WEIGHT.
    """

    clusters: pa.Table
    bench: Bench
    plan: Plan
    weights: Weights
    pairs: int
    links: int


def resolve_people(
    people: pa.Table, *, across: bool = False, model: Fitted | None = None, say: Say = lambda _: None
) -> Resolved:
    """Find out which rows are one person.

    Args:
        people: ``standard.people`` of all files, one after the other.
        across: Link data sets to each other only, never two rows of one.
        model: Weights to use instead of fitting them.
        say: Told of each stage as it ends.

    Raises:
        DataError: If no row says anything that could be compared.
    """
    people = people.take(_by_record(people))
    with duckdb.connect(config={"memory_limit": MEMORY, "preserve_insertion_order": False}) as connection:
        bench = Bench.of(connection, people, across=across)
        if not bench.comparisons:
            raise DataError("no row says anything that could be compared", "", "see what the columns mean: --columns")
        known = model.weights(bench.comparisons, bench.records, bench.total) if model else None
        plan = learn(bench, known, say)
        blocking.block(bench, plan.rules, "met")
        pairs = bench.count("met")
        say(f"{pairs:,} pairs brought together")
        bench.compare("met", "compared")
        weights = plan.weights or fitted(bench, "compared")
        bench.weigh("compared", weights, "weighed")
        edges = bench.edges("weighed", LINK_WEIGHT)
        say(f"{len(edges.weight):,} links")
        inner = _inside(bench, weights, edges)
        clusters, joins = coherent.join(bench.records, edges, inner)
    return Resolved(_assigned(people, clusters, edges, joins), bench, plan, weights, pairs, len(edges.weight))


def _by_record(people: pa.Table) -> pa.Array:
    """Places in the order of record ids, so that the order of a file does not matter."""
    names = ("record_id", "dataset", "position")
    return pc.sort_indices(people, sort_keys=[(name, "ascending") for name in names])


def _inside(bench: Bench, weights: Weights, edges: coherent.Edges) -> coherent.Edges:
    """The pairs within components of more than two records, weighed."""
    component = coherent.components(bench.records, edges)
    size = np.bincount(component, minlength=bench.records)[component]
    chosen = np.flatnonzero(size > 2)
    members = {"i": pa.array(chosen, pa.int32()), "component": component[chosen], "size": size[chosen]}
    bench.connection.register("member", pa.table(members))
    bench.connection.execute(
        f"""CREATE TABLE inside AS
            SELECT a.i AS l, b.i AS r FROM member a JOIN member b USING (component)
            WHERE a.i < b.i AND a.size <= {ALL_INSIDE}
            UNION ALL
            SELECT l, r FROM met JOIN member a ON a.i = l JOIN member b ON b.i = r
            WHERE a.component = b.component AND a.size > {ALL_INSIDE}"""
    )
    bench.connection.unregister("member")
    bench.compare("inside", "inside_compared")
    bench.weigh("inside_compared", weights, "inside_weighed")
    return bench.edges("inside_weighed")


def _assigned(people: pa.Table, clusters: np.ndarray, edges: coherent.Edges, joins: np.ndarray) -> pa.Table:
    """The profile of each record, whose id is that of its least record, and how surely the two are one person."""
    least, _ = weakest_to_roots(
        people.num_rows,
        np.unique(clusters),
        edges.l[joins],
        edges.r[joins],
        1 / (1 + np.exp2(-edges.weight[joins])),
        np.zeros(joins.sum(), dtype=np.int64),
    )
    several = len(people["dataset"].unique()) > 1  # the name of a single file may change without changing an id
    found = query(
        f"""SELECT dataset, record_id, kind, probability,
                'p_' || left(sha256(concat_ws(chr(31), {"founder_dataset, " * several} founder)), $digits) AS profile_id
           FROM found ORDER BY dataset, position""",
        {"digits": ID_DIGITS},
        found=pa.table(
            {
                "dataset": people["dataset"],
                "position": people["position"],
                "record_id": people["record_id"],
                "founder_dataset": people["dataset"].take(pa.array(clusters)),
                "founder": people["record_id"].take(pa.array(clusters)),
                "kind": np.where(clusters == np.arange(people.num_rows), "founder", "probabilistic"),
                "probability": least.round(WEIGHT_DIGITS),
            }
        ),
    )
    return found.select(["dataset", "record_id", "profile_id", "kind", "probability"])

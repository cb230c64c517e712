"""Resolving a table of people: block, compare, fit, join, assign."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from identity.assign import profile_id
from identity.engine import Engine
from identity.people import blocking
from identity.people.join import Joined, join
from identity.people.learn import Plan, fitted, learn
from identity.people.mixture import Weights
from identity.people.model import Fitted
from identity.people.pairs import WEIGHT_DIGITS, Bench
from identity.people.tables import DuckTables, Tables

MEMORY = "6GB"
KEY = b"clew resolve"
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
    people: pa.Table,
    *,
    across: bool = False,
    model: Fitted | None = None,
    engine: Engine = "duckdb",
    say: Say = lambda _: None,
) -> Resolved:
    """Find out which rows are one person.

    Args:
        people: ``standard.people`` of all files, one after the other.
        across: Link data sets to each other only, never two rows of one.
        model: Weights to use instead of fitting them.
        engine: What compares the pairs; the answer is the same.
        say: Told of each stage as it ends.
    """
    people = people.take(_by_record(people))
    with _tables(engine) as tables:
        bench = Bench.of(tables, people, across=across)
        known = model.weights(bench.comparisons, bench.records, bench.total) if model else None
        plan = learn(bench, known, say)
        blocking.block(bench, plan.rules, "met")
        pairs = bench.count("met")
        say(f"{pairs:,} pairs brought together")
        bench.compare("met", "compared")
        weights = plan.weights or fitted(bench, "compared")
        bench.weigh("compared", weights, "weighed")
        joined = _join(engine)(bench, weights)
        say(f"{joined.links:,} links")
    return Resolved(_assigned(people, joined), bench, plan, weights, pairs, joined.links)


@contextmanager
def _tables(engine: Engine) -> Iterator[Tables]:
    if engine == "spark":
        from identity.spark.tables import spark_tables

        with spark_tables() as tables:
            yield tables
    else:
        with duckdb.connect(config={"memory_limit": MEMORY, "preserve_insertion_order": False}) as connection:
            yield DuckTables(connection)


def _join(engine: Engine) -> Callable[[Bench, Weights], Joined]:
    if engine == "spark":
        from identity.spark.people import join as join_on_spark

        return join_on_spark
    return join


def _by_record(people: pa.Table) -> pa.Array:
    """Places in the order of record ids, so that the order of a file does not matter."""
    names = ("record_id", "dataset", "position")
    return pc.sort_indices(people, sort_keys=[(name, "ascending") for name in names])


def _assigned(people: pa.Table, joined: Joined) -> pa.Table:
    """The profile of each record, whose id is that of its least record, and how surely the two are one person."""
    clusters = joined.clusters
    founders = np.unique(clusters)
    names = zip(*(people[name].take(pa.array(founders)).to_pylist() for name in ("dataset", "record_id")), strict=True)
    ids = pa.array([profile_id(KEY, "\x1f".join(name)) for name in names], pa.string())
    found = pa.table(
        {
            "dataset": people["dataset"],
            "position": people["position"],
            "record_id": people["record_id"],
            "profile_id": ids.take(pa.array(np.searchsorted(founders, clusters))),
            "kind": pa.array(np.where(clusters == np.arange(people.num_rows), "founder", "probabilistic")),
            "probability": pa.array(joined.probability.round(WEIGHT_DIGITS)),
        }
    )
    return found.sort_by([("dataset", "ascending"), ("position", "ascending")]).drop_columns(["position"])

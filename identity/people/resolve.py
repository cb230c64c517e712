"""Resolving a table of people: block, compare, fit, join, assign."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from contracts.errors import DataError
from identity.assign import ID_DIGITS
from identity.engine import SHARE_OF_MEMORY, Engine, memory_of_machine
from identity.people import blocking
from identity.people.copies import Copies
from identity.people.join import Joined, join
from identity.people.learn import Plan, fitted, learn
from identity.people.mixture import Weights
from identity.people.model import Fitted
from identity.people.pairs import WEIGHT_DIGITS, Bench
from identity.people.tables import DuckTables, Tables
from identity.sql import query

MEMORY = 6_000_000_000
"""Bytes that DuckDB holds at most, and less on a smaller machine; what is more, it keeps on disk."""
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

    Raises:
        DataError: If no row says anything that could be compared.
    """
    people = people.take(_by_record(people))
    copies = Copies.of(people)
    with _tables(engine) as tables:
        bench = Bench.of(tables, people.take(pa.array(copies.kept)), across=across)
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
        joined = _join(engine)(bench, weights)
        say(f"{joined.links:,} links")
    clusters, probability = copies.of_all(joined.clusters, joined.probability)
    return Resolved(_assigned(people, clusters, probability), bench, plan, weights, pairs, joined.links)


@contextmanager
def _tables(engine: Engine) -> Iterator[Tables]:
    if engine == "spark":
        from identity.spark.tables import spark_tables

        with spark_tables() as tables:
            yield tables
    else:
        limit = f"{min(MEMORY, int(SHARE_OF_MEMORY * memory_of_machine()))}B"
        with duckdb.connect(config={"memory_limit": limit, "preserve_insertion_order": False}) as connection:
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


def _assigned(people: pa.Table, clusters: np.ndarray, probability: np.ndarray) -> pa.Table:
    """The profile of each record, whose id is that of its least record, and how surely the two are one person."""
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
                "probability": probability.round(WEIGHT_DIGITS),
            }
        ),
    )
    return found.select(["dataset", "record_id", "profile_id", "kind", "probability"])

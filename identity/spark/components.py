"""Connected components in Spark, without any edge leaving it.

We follow Kiveris et al., "Connected Components in MapReduce and Beyond" (2014, doi:10.1145/2670979.2670997): large
star and small star in turn, until nothing changes, after some log(n) rounds. Each round is one shuffle for either star
and is written down (a local checkpoint), since a plan that grew with the rounds would take longer to plan than to run.
"""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as f


def components(edges: DataFrame) -> DataFrame:
    """The component of each node that an edge touches, named by its least node: node, component.

    Args:
        edges: l and r, whole numbers, in any order and either way round.
    """
    stars = _directed(edges.select(f.col("l").cast("long"), f.col("r").cast("long"))).localCheckpoint()
    before = _print(stars)
    while True:
        stars = _small_star(_large_star(stars)).localCheckpoint()
        now = _print(stars)
        if now == before:
            break
        before = now
    members = stars.select(f.col("high").alias("node"), f.col("low").alias("component"))
    centres = stars.select(f.col("low").alias("node"), f.col("low").alias("component"))
    return members.union(centres).distinct()


def _directed(edges: DataFrame) -> DataFrame:
    """Each edge once, as high and low."""
    return edges.where("l <> r").select(f.greatest("l", "r").alias("high"), f.least("l", "r").alias("low")).distinct()


def _large_star(stars: DataFrame) -> DataFrame:
    """Each node joins its greater neighbours to the least of its neighbours and itself."""
    both = stars.select(f.col("high").alias("node"), f.col("low").alias("other")).union(
        stars.select(f.col("low").alias("node"), f.col("high").alias("other"))
    )
    least = f.min("other").over(Window.partitionBy("node"))
    return (
        both.select("node", "other", f.least(least, "node").alias("least"))
        .where("other > node")
        .select(f.col("other").alias("high"), f.col("least").alias("low"))
    )


def _small_star(stars: DataFrame) -> DataFrame:
    """Each node joins itself and its lesser neighbours to the least of them."""
    least = f.min("low").over(Window.partitionBy("high"))
    return (
        stars.select("high", "low", least.alias("least"))
        .select(f.explode(f.array("high", "low")).alias("high"), f.col("least").alias("low"))
        .where("high <> low")
        .distinct()
    )


def _print(stars: DataFrame) -> tuple:
    """What tells two sets of edges apart: their number and the exclusive or of their hashes."""
    return tuple(stars.agg(f.count("*"), f.bit_xor(f.xxhash64("high", "low"))).first() or ())

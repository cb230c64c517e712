"""HMAC-SHA256 in Spark SQL, the twin of :func:`lakehouse.pseudonym.keyed_hash`.

The key is a row of a table and no text of the query, so that no plan and no log shows it.
"""

import pyarrow as pa
from pyspark.sql import DataFrame, SparkSession

from lakehouse.pseudonym import SEPARATOR, pads
from spark_jobs.silver.sql import literal


def pads_of(spark: SparkSession, key: bytes) -> DataFrame:
    """One row, inner_pad and outer_pad, to be broadcast and joined to what is hashed."""
    inner, outer = pads(key)
    # From Arrow, since of Python's own rows Spark makes a DataFrame in a process that takes a second to start.
    return spark.createDataFrame(pa.table({"inner_pad": [inner], "outer_pad": [outer]}))


def keyed_hash(namespace: str, value: str) -> str:
    """SQL of the hash of a value of a namespace, in hex digits, where the columns of ``pads_of`` are; null of null."""
    message = f"cast(concat({namespace}, {literal(SEPARATOR)}, {value}) as binary)"
    return f"sha2(concat(outer_pad, unhex(sha2(concat(inner_pad, {message}), 256))), 256)"

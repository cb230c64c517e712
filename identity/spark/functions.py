"""DuckDB's string functions in Spark, under their own names: two engines, one likeness.

Splink's jar brings Jaro-Winkler and Damerau-Levenshtein for Spark, but other ones: DuckDB compares bytes and the jar
characters, and they count exchanged letters differently (docs/adr/0007-two-engines-one-answer.md has what that does to
words with accents). So Spark hands the words to DuckDB, a batch at a time.
"""

import pyarrow as pa
from pyspark.sql import SparkSession
from pyspark.sql.functions import arrow_udf
from pyspark.sql.types import DoubleType, LongType

from identity.sql import query


def register(spark: SparkSession) -> None:
    """Make jaro_winkler_similarity, under the name that sqlglot gives it, and damerau_levenshtein known to SQL."""
    # The stubs ask for a functionType, which arrow_udf takes from the annotations.
    alike = arrow_udf(jaro_winkler_similarity, DoubleType())  # type: ignore[call-overload]
    slips = arrow_udf(damerau_levenshtein, LongType())  # type: ignore[call-overload]
    spark.udf.register("jarowinkler_similarity", alike)
    spark.udf.register("damerau_levenshtein", slips)


def jaro_winkler_similarity(left: pa.Array, right: pa.Array) -> pa.Array:
    """Of each pair of words."""
    return _of_each_pair("jaro_winkler_similarity(l, r)::DOUBLE", left, right)


def damerau_levenshtein(left: pa.Array, right: pa.Array) -> pa.Array:
    """Of each pair of words."""
    return _of_each_pair("damerau_levenshtein(l, r)::BIGINT", left, right)


def _of_each_pair(sql: str, left: pa.Array, right: pa.Array) -> pa.Array:
    # DuckDB keeps the order of rows where nothing sorts or joins them.
    found = query(f"SELECT {sql} AS found FROM words", words=pa.table({"l": left, "r": right}))["found"]
    return found.combine_chunks()

"""Tables of a resolve in Spark: the statements that DuckDB gets, said by sqlglot in Spark's dialect."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pyarrow as pa
import sqlglot
from pyspark.sql import DataFrame, SparkSession

from identity.sql import query

ROWS_A_BATCH = 50_000
"""Rows that DuckDB gets at a time within a task."""


class SparkTables:
    """Tables as cached views of one session."""

    blocks_in_one_pass = True

    def __init__(self, spark: SparkSession) -> None:
        self.spark = spark
        self._cached: list[DataFrame] = []

    def put(self, name: str, rows: pa.Table) -> None:
        self.keep(name, self.spark.createDataFrame(rows))

    def make(self, name: str, sql: str) -> None:
        self.keep(name, self.query(sql))

    def make_by_row(self, name: str, source: str, each: str, columns: Mapping[str, str]) -> None:
        sql = each.format(source="batch")

        def in_duckdb(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
            for batch in batches:
                yield from query(sql, batch=pa.Table.from_batches([batch])).to_batches()

        schema = ", ".join(f"{column} {kind}" for column, kind in columns.items())
        self.keep(name, self.query(source).mapInArrow(in_duckdb, schema))

    def rows(self, sql: str) -> pa.Table:
        return self.query(sql).toArrow()

    def columns(self, name: str) -> list[str]:
        return self.spark.table(name).columns

    def query(self, sql: str) -> DataFrame:
        """What a statement in DuckDB's dialect finds, not yet worked out."""
        return self.spark.sql(sqlglot.transpile(sql, read="duckdb", write="spark")[0])

    def keep(self, name: str, found: DataFrame) -> None:
        """Make a table of a DataFrame, worked out once."""
        cached = found.persist()
        cached.createOrReplaceTempView(name)
        self._cached.append(cached)

    def close(self) -> None:
        """Give back what was kept."""
        for cached in self._cached:
            cached.unpersist()


@contextmanager
def spark_tables() -> Iterator[SparkTables]:
    """Tables in a session of their own: their names meet nobody else's."""
    from lakehouse.session import open_session
    from lakehouse.settings import Settings

    spark = open_session(Settings()).newSession()
    spark.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", ROWS_A_BATCH)
    tables = SparkTables(spark)
    try:
        yield tables
    finally:
        tables.close()

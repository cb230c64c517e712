"""One query over Arrow tables: tables in, a table out, nothing kept between calls."""

import os
from functools import cache

import duckdb
import pyarrow as pa


def query(sql: str, **tables: pa.Table) -> pa.Table:
    """Run one statement in DuckDB, in UTC, with each keyword as a table of that name."""
    with _database(os.getpid()).cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")  # only the tables given are tables
        for name, table in tables.items():  # DuckDB 2 refuses register() while a result is unread
            connection.register(name, table)
        return connection.sql(sql).to_arrow_table()


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """An empty database in memory: to open one costs ten times a cursor; a fork must not use its parent's."""
    return duckdb.connect()

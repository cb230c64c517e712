"""One query over Arrow tables: tables in, a table out, nothing kept between calls."""

import os
from collections.abc import Mapping
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa

from lakehouse import spill


def query(sql: str, values: Mapping[str, Any] | None = None, /, **tables: pa.Table) -> pa.Table:
    """Run one statement in DuckDB, in UTC, with each keyword as a table of that name.

    Args:
        sql: The statement.
        values: Its parameters. A list that comes this way becomes a column without pyarrow's own way of making one,
            which imports pandas, for a second.
        tables: Its tables.
    """
    with _database(os.getpid()).cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")  # only the tables given are tables
        for name, table in tables.items():  # DuckDB 2 refuses register() while a result is unread
            connection.register(name, table)
        return connection.sql(sql, params=values).to_arrow_table()


@cache
def _database(process: int) -> duckdb.DuckDBPyConnection:
    """An empty database in memory: to open one costs ten times a cursor; a fork must not use its parent's."""
    return duckdb.connect(config=spill.duck())

"""One query over Arrow tables: tables in, a table out, nothing kept between calls."""

from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from lakehouse.duck import shared_database


def query(sql: str, values: Mapping[str, Any] | None = None, /, **tables: pa.Table) -> pa.Table:
    """Run one statement in DuckDB, in UTC, with each keyword as a table of that name.

    Args:
        sql: The statement.
        values: Its parameters. A list that comes this way becomes a column without pyarrow's own way of making one,
            which imports pandas, for a second.
        tables: Its tables.
    """
    with shared_database().cursor() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("SET python_enable_replacements = false")  # only the tables given are tables
        for name, table in tables.items():  # DuckDB 2 refuses register() while a result is unread
            connection.register(name, table)
        return connection.sql(sql, params=values).to_arrow_table()

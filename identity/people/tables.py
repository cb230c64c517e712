"""Where the tables of a resolve are: in DuckDB here, or in Spark (identity.spark.tables); the SQL is the same."""

from collections.abc import Mapping
from typing import Protocol

import duckdb
import pyarrow as pa


class Tables(Protocol):
    """Tables by name. Statements are in DuckDB's dialect, as far as sqlglot can say it to Spark.

    Attributes:
        blocks_in_one_pass: Whether one join carries out all blocking rules, over text that names a block, and not one
            join a rule, over the columns themselves. DuckDB joins fast, and Spark takes long for each join.
    """

    blocks_in_one_pass: bool

    def put(self, name: str, rows: pa.Table) -> None:
        """Make a table of rows that are here, in place of one of that name."""
        ...

    def make(self, name: str, sql: str) -> None:
        """Make a table of what a query finds."""
        ...

    def make_by_row(self, name: str, source: str, each: str, columns: Mapping[str, str]) -> None:
        """Make a table of what a query finds, each of its rows turned into another.

        Args:
            name: Of the new table.
            source: The query.
            each: A query over ``{source}`` that neither joins nor groups; always carried out by DuckDB, so that a
                comparison says the same on either engine.
            columns: What ``each`` gives, with the SQL types.
        """
        ...

    def rows(self, sql: str) -> pa.Table:
        """What a query finds."""
        ...

    def columns(self, name: str) -> list[str]:
        """The columns of a table."""
        ...


class DuckTables:
    """Tables in one DuckDB database."""

    blocks_in_one_pass = False

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def put(self, name: str, rows: pa.Table) -> None:
        self.connection.register("given", rows)
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM given")
        self.connection.unregister("given")

    def make(self, name: str, sql: str) -> None:
        self.connection.execute(f"CREATE TABLE {name} AS {sql}")

    def make_by_row(self, name: str, source: str, each: str, columns: Mapping[str, str]) -> None:
        self.make(name, each.format(source=f"({source})"))

    def rows(self, sql: str) -> pa.Table:
        return self.connection.sql(sql).to_arrow_table()

    def columns(self, name: str) -> list[str]:
        return [column for column, *_ in self.connection.sql(f"DESCRIBE {name}").fetchall()]

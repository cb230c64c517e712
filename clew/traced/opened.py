"""A lake opened for a trace: the tables of a release, bronze as it is, and the staging models as views of them."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from clew.role import reader
from clew.traced.conditions import quoted
from clew.workspace import Reading, existing_lake, find_release, settings
from contracts.lineage import STAGING, Lineage
from lakehouse.duck import connect, tables_in
from lakehouse.errors import DataError

_SOURCE = re.compile(r"\{\{\s*source\(\s*'(\w+)'\s*,\s*'(\w+)'\s*\)\s*\}\}")
_SPARK_WORDS = (
    "CREATE MACRO get_json_object(text, path) AS CASE WHEN json_valid(text) THEN json_extract_string(text, path) END",
    "CREATE SCHEMA staging",
)
"""What the staging models say in Spark's words, in DuckDB's."""
OWN = "_its_"
"""Before the name of a key column of the table itself, in the view of a staging model of it."""


@dataclass
class Opened:
    """What a trace reads.

    Attributes:
        reading: The connection, and which release it shows.
        lineage: What is made of what.
        tables: The tables that were opened.
        closed: Tables that were asked for, and that the reader's role may not read.
    """

    reading: Reading
    lineage: Lineage
    tables: frozenset[str]
    closed: tuple[str, ...] = ()
    _views: set[str] = field(default_factory=set)

    def rows(self, sql: str, parameters: Sequence[Any] | dict[str, Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query of ours, as dicts."""
        cursor = self.reading.connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        self.reading.connection.execute(sql, parameters)

    def require(self, tables: Iterable[str]) -> None:
        """Hold the reader to their role.

        Raises:
            UsageError: If one of the tables is not theirs to read.
        """
        for table in tables:
            if table in self.closed and (refusal := self.reading.reader.refusal(table)):
                raise refusal

    def has(self, table: str) -> bool:
        return table in self.tables

    def view(self, name: str) -> str:
        """The name to read a parent by; a staging model's view is made on first use.

        Raises:
            DataError: If a staging model says what DuckDB cannot read.
        """
        if name.startswith(STAGING) and name not in self._views:
            import duckdb

            model = self.lineage.models[name.removeprefix(STAGING)]
            table = self.lineage.staged(model.name)
            node = self.lineage.nodes[table]
            own = "".join(f"{quoted(key)} AS {quoted(OWN + key)}, " for key in node.key)
            sql = _SOURCE.sub(r"\1.\2", model.sql).replace("select", f"SELECT {own}", 1)
            try:
                self.run(f"CREATE VIEW {quoted(name)} AS {sql}")
            except duckdb.Error as error:
                raise DataError(
                    f"the staging model {model.name} cannot be read without Spark, so nothing is traced through it",
                    str(model.path),
                    "keep staging models to renaming and plain casts; the rest belongs into intermediate models",
                ) from error
            self._views.add(name)
        return quoted(name)

    def types(self, table: str) -> dict[str, str]:
        """The columns of a table, each with its type."""
        return {row["column_name"]: row["column_type"] for row in self.rows(f"DESCRIBE {quoted(table)}")}

    def columns(self, table: str) -> list[str]:
        """The columns of a table as it is in this lake, or of a view as ``view`` named it."""
        name = table if table.startswith('"') else quoted(table)
        cursor = self.reading.connection.execute(f"SELECT * FROM {name} LIMIT 0")
        return [column[0] for column in cursor.description or ()]


def open_lineage(release: str, lineage: Lineage, only: Iterable[str]) -> Opened:
    """Open a release for a trace.

    Args:
        release: A number, latest or live.
        lineage: What is made of what.
        only: The tables that may be read; those that this lake does not have are left out.
    """
    lake, who = existing_lake(), reader(settings())
    number, as_of, released = find_release(lake, release)
    there = tables_in(lake)
    every = who.readable(there)
    # Bronze is only ever added to, and belongs to no release.
    live: dict[str, int | None] = {table: None for table in every if table.startswith("bronze.")}
    versions = None if released is None else {**released, **live}
    readable = [table for table in every if versions is None or table in versions or table.startswith("ops.")]
    only = set(only)
    opened = frozenset(only.intersection(readable))
    connection = connect(lake, versions, only=opened)
    for sql in _SPARK_WORDS:
        connection.execute(sql)
    reading = Reading(connection, number, as_of, tuple(readable), tuple(sorted(set(every) - set(readable))), who)
    closed = tuple(sorted(table for table in only if table not in every and who.refusal(table)))
    return Opened(reading, lineage, opened, closed)


def sources_of(lineage: Lineage, tables: Iterable[str]) -> list[str]:
    """Tables by their names in the lake: ``bronze.<source>`` is one of each source."""
    found: list[str] = []
    for table in tables:
        if table == "bronze.<source>":
            found += [f"bronze.{source}" for source in lineage.contracts.sources]
        else:
            found.append(table)
    return found

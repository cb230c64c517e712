"""A SQLAlchemy dialect over an open DuckDB connection, so that Great Expectations queries the lake without a JVM.

``duckdb-engine`` would bring its own connection; the gates need the one whose views show the Delta tables
(lakehouse.lake.Lake.duck). Great Expectations closes a connection before it reads the result, so a cursor keeps
its rows.
Only what Great Expectations asks for is here: SELECT, and the columns of a table.
"""

import itertools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import duckdb
from sqlalchemy.dialects import registry
from sqlalchemy.engine import default
from sqlalchemy.sql.compiler import RESERVED_WORDS, IdentifierPreparer
from sqlalchemy.types import NullType

NAME = "clewduck"
_open: dict[str, duckdb.DuckDBPyConnection] = {}
_numbers = itertools.count(1)


@contextmanager
def connection_string(connection: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """The address under which SQLAlchemy reaches a connection, for as long as the block runs."""
    registry.register(NAME, __name__, LakeDialect.__name__)
    name = f"lake{next(_numbers)}"
    _open[name] = connection
    try:
        yield f"{NAME}:///{name}"
    finally:
        del _open[name]


class _Cursor:
    """A DB-API cursor that holds its whole result."""

    arraysize = 1

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection
        self._rows: list[tuple[Any, ...]] = []
        self.description: list[tuple[Any, ...]] | None = None
        self.rowcount = -1

    def execute(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        result = self._connection.execute(sql, list(parameters))
        self.description = result.description
        self._rows = result.fetchall()

    def fetchone(self) -> tuple[Any, ...] | None:
        return self._rows.pop(0) if self._rows else None

    def fetchmany(self, size: int | None = None) -> list[tuple[Any, ...]]:
        size = size or self.arraysize
        taken, self._rows = self._rows[:size], self._rows[size:]
        return taken

    def fetchall(self) -> list[tuple[Any, ...]]:
        taken, self._rows = self._rows, []
        return taken

    def close(self) -> None:
        self._rows = []


class _Connection:
    """A DB-API connection that never ends the DuckDB connection it stands for."""

    def __init__(self, name: str) -> None:
        self._connection = _open[name]

    def cursor(self) -> _Cursor:
        return _Cursor(self._connection)

    def commit(self) -> None:
        """Nothing to do: gates only read."""

    def rollback(self) -> None:
        """Nothing to do: gates only read."""

    def close(self) -> None:
        """The gate that opened the DuckDB connection closes it."""


class _Names(IdentifierPreparer):
    """Quotes what are words of DuckDB's SQL too, such as a column called window."""

    reserved_words = RESERVED_WORDS | {
        word
        for word, category in duckdb.execute("SELECT keyword_name, keyword_category FROM duckdb_keywords()").fetchall()
        if category != "unreserved"
    }


class LakeDialect(default.DefaultDialect):
    """Plain SQL with ``?`` parameters; columns by DESCRIBE."""

    name = NAME
    driver = "duckdb"
    default_paramstyle = "qmark"
    supports_statement_cache = True
    preparer = _Names

    @classmethod
    def import_dbapi(cls) -> Any:
        return SimpleNamespace(paramstyle="qmark", Error=duckdb.Error, connect=_Connection)

    def create_connect_args(self, url: Any) -> tuple[list[Any], dict[str, Any]]:
        return [url.database], {}

    def _get_server_version_info(self, connection: Any) -> tuple[int, ...]:
        return tuple(int(part) for part in duckdb.__version__.split(".")[:2])

    def _get_default_schema_name(self, connection: Any) -> str:
        return "main"

    def get_schema_names(self, connection: Any, **kw: Any) -> list[str]:
        found = connection.exec_driver_sql("SELECT DISTINCT schema_name FROM information_schema.schemata")
        return [row[0] for row in found]

    def has_table(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> bool:
        return bool(self._columns(connection, table_name, schema))

    def get_columns(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        names = self._columns(connection, table_name, schema)
        return [{"name": name, "type": NullType(), "nullable": True, "default": None} for name in names]

    def get_pk_constraint(self, connection: Any, table_name: str, schema: str | None = None, **kw: Any) -> Any:
        return {"constrained_columns": [], "name": None}

    @staticmethod
    def _columns(connection: Any, table_name: str, schema: str | None) -> list[str]:
        found = connection.exec_driver_sql(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = ? AND table_name = ? "
            "ORDER BY ordinal_position",
            (schema or "main", str(table_name)),
        )
        return [row[0] for row in found]

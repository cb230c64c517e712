"""DuckDB over the Delta tables of a lake, without a JVM: delta-rs names the files, DuckDB reads them.

A connection shows each table as a view ``schema.table``. The view has the columns and types of the Delta
schema, so a table without a file is an empty view, a column added later is NULL in older files, and a Spark
timestamp is a TIMESTAMP WITH TIME ZONE shown in UTC.

A *jailed* connection serves SQL that someone typed. DuckDB's own switches do not suffice for that: a folder
that may be read may also be written (``WITH x AS (COPY … TO …)`` is a SELECT to DuckDB 2). So its local
file system is switched off, and the views read through a file system of ours that opens only the files of
the views, and only for reading.
"""

import datetime
import itertools
import json
import os
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
from deltalake.exceptions import DeltaError

from contracts.errors import DataError
from lakehouse import spill
from lakehouse.opened import opened
from lakehouse.places import Places

if TYPE_CHECKING:
    import pyarrow as pa
    from fsspec import AbstractFileSystem

SCHEMAS = ("bronze", "silver", "identity", "gold", "ops")

_PROTOCOL = "clewlake"
_TYPES = {
    "string": "VARCHAR",
    "long": "BIGINT",
    "integer": "INTEGER",
    "short": "SMALLINT",
    "byte": "TINYINT",
    "float": "FLOAT",
    "double": "DOUBLE",
    "boolean": "BOOLEAN",
    "binary": "BLOB",
    "date": "DATE",
    "timestamp": "TIMESTAMP WITH TIME ZONE",
    "timestamp_ntz": "TIMESTAMP",
}


def tables_in(lake: str | Path | Places) -> list[str]:
    """Names ``schema.table`` of the tables in a lake's folders, sorted."""
    return Places.of(lake).tables()


def mentioned_in(sql: str, tables: Iterable[str]) -> list[str]:
    """The tables whose bare name occurs in the SQL, or all of them where it asks for the catalog itself."""
    words = {word.lower() for word in re.findall(r"\w+", sql)}
    if words & {"information_schema", "show", "pragma", "sqlite_master", "pg_catalog", "query_table"} or any(
        word.startswith(("duckdb_", "pragma_", "pg_")) for word in words
    ):
        return list(tables)
    return [table for table in tables if table.split(".")[1].lower() in words]


def connect(
    lake: str | Path | Places,
    versions: Mapping[str, int | None] | None = None,
    *,
    only: Iterable[str] | None = None,
    jailed: bool = False,
) -> duckdb.DuckDBPyConnection:
    """Open an in-memory DuckDB database with one view per table.

    Args:
        lake: Folder of the lake, or both of its folders.
        versions: Delta version of each table, such as a release keeps them; ``ops`` tables not named there
            are shown as they are now, other tables are left out. None shows every table as it is now, and for a table
            that one.
        only: Make views for these tables only, to save the time for the others.
        jailed: No statement on the connection can read or write a file that is not of these views.

    Raises:
        DataError: If a table cannot be read at the version asked for, or lacks a file.
    """
    connection = duckdb.connect(config=spill.duck())
    served: set[str] | None = None
    if jailed:
        served = set()
        connection.register_filesystem(_jail(served))
    _show(connection, Places.of(lake), versions, only, served)
    if jailed:
        connection.execute(f"SET allowed_directories = ['{_PROTOCOL}://']")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET disabled_filesystems = 'LocalFileSystem'")
        connection.execute("SET lock_configuration = true")
    return connection


@contextmanager
def quick(lake: str | Path | Places, *tables: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with views of a few tables as they are now, for a short question.

    It is a tenth of the cost of ``connect``: questions of a process share a database, each with a catalog of its own.

    Raises:
        DataError: If a table cannot be read, or lacks a file.
    """
    catalog = f"quick_{next(_numbers)}"
    database = shared_database()
    connection = database.cursor()
    try:
        connection.execute(f"ATTACH ':memory:' AS {catalog}")
        connection.execute(f"USE {catalog}")
        _show(connection, Places.of(lake), None, tables, None)
        yield connection
    finally:
        connection.close()  # with what it has not read, which would hold on to the catalog
        with database.cursor() as other:
            other.execute(f"DETACH DATABASE IF EXISTS {catalog}")


def shared_database() -> duckdb.DuckDBPyConnection:
    """The process's own empty database in memory, to open cursors on: a new one costs thirty times a cursor."""
    return _database(os.getpid(), spill.is_told())


@cache
def _database(process: int, spills: bool) -> duckdb.DuckDBPyConnection:
    """One for each process, since a fork must not use its parent's; and another once it is known where to spill."""
    return duckdb.connect(config=spill.duck())


_numbers = itertools.count()


def _show(
    connection: duckdb.DuckDBPyConnection,
    places: Places,
    versions: Mapping[str, int | None] | None,
    wanted: Iterable[str] | None,
    served: set[str] | None,
) -> None:
    """Make the views, in UTC, and note the files that they read in ``served``, if it is given, for the jail."""
    connection.execute("SET TimeZone = 'UTC'")
    for schema in SCHEMAS:
        connection.execute(f"CREATE SCHEMA {schema}")
    for name in places.tables() if wanted is None else sorted(set(wanted)):
        known = versions is None or name in versions or name.startswith("ops.")
        if not known or places.found(name) is None:
            continue
        schema, table = name.split(".")
        if schema not in SCHEMAS:
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS {_quoted(schema)}")
        version = None if versions is None else versions.get(name)
        path = _folder(places, name)
        select, files = _select(path, name, version, jailed=served is not None)
        if served is not None:
            served.update(files)
        try:
            connection.execute(f"CREATE VIEW {_quoted(schema)}.{_quoted(table)} AS {select}")
        except duckdb.Error as error:
            raise DataError(
                f"a file of {name}{_at(version)} is gone or cannot be read",
                str(path),
                "if it is an old release, its files were removed after their retention: read a newer one; "
                "else see what is broken: clew doctor --tables",
            ) from error


def select_of(lake: str | Path | Places, name: str, version: int | None = None) -> str:
    """A table as a SELECT, for a connection that is to see tables of two lakes or of two versions."""
    return _select(_folder(Places.of(lake), name), name, version, jailed=False)[0]


def _folder(places: Places, name: str) -> Path:
    return places.found(name) or places.open.joinpath(*name.split("."))


def _select(path: Path, name: str, version: int | None, jailed: bool) -> tuple[str, tuple[str, ...]]:
    """The SELECT that reads a table, and its files."""
    try:
        table = opened(path, version)
        files = table.file_uris()
    except DeltaError as error:
        raise DataError(
            f"{name} cannot be read{_at(version)}", str(path), "see the versions kept: clew tables"
        ) from error
    features = set(table.protocol().reader_features or ())
    if features & {"deletionVectors", "columnMapping"}:
        raise DataError(
            f"{name} uses {', '.join(sorted(features))}, which only Spark reads (invariant 10)",
            str(path),
            "rewrite the table with delta.enableDeletionVectors=false and without column mapping",
        )
    fields = json.loads(table.schema().to_json())["fields"]
    columns = {field["name"]: duckdb_type(field["type"]) for field in fields}
    typed = ", ".join(f"NULL::{kind} AS {_quoted(column)}" for column, kind in columns.items())
    empty = f"SELECT {typed} WHERE false"
    if not files:
        return empty, ()
    local = tuple(_local_path(uri, table.table_uri, path) for uri in files)
    listed = ", ".join(_literal(f"{_PROTOCOL}://{file}" if jailed else _unglobbed(file)) for file in local)
    partitions = table.metadata().partition_columns
    hive = "false"
    if partitions:
        kinds = ", ".join(f"{_literal(column)}: '{columns[column]}'" for column in partitions)
        hive = f"true, hive_types = {{{kinds}}}"
    read = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = {hive})"
    return f"{empty} UNION ALL BY NAME SELECT * FROM {read}", local


def changed_column(lake: str | Path | Places, name: str, version: int, column: str) -> "pa.Table":
    """The distinct values of a column in the files that a table gained or lost since a version.

    A row that is in none of these files is as it was.

    Raises:
        DataError: If the version, or a file of it, is kept no more.
    """
    places = Places.of(lake)
    path = _folder(places, name)
    try:
        now, then = opened(path), opened(path, version)
        uris = set(now.file_uris()) ^ set(then.file_uris())
        files = [_unglobbed(_local_path(uri, now.table_uri, path)) for uri in sorted(uris)]
        source = f"read_parquet([{', '.join(map(_literal, files))}], union_by_name = true)"
        select = f"SELECT DISTINCT {_quoted(column)} FROM " + (
            source if files else f"(SELECT NULL::VARCHAR AS {_quoted(column)})"
        )
        with duckdb.connect(config=spill.duck()) as connection:
            return connection.sql(f"{select} WHERE {_quoted(column)} IS NOT NULL").to_arrow_table()
    except (DeltaError, duckdb.IOException) as error:
        raise DataError(
            f"{name} cannot be read{_at(version)}", str(path), "see the versions kept: clew tables"
        ) from error


def duckdb_type(delta: str | dict[str, Any]) -> str:
    """The DuckDB type of a Delta type, as Delta's schema JSON writes it."""
    if isinstance(delta, str):
        return _TYPES.get(delta, delta.upper())  # decimal(10,2) is written the same in both
    if delta["type"] == "array":
        return f"{duckdb_type(delta['elementType'])}[]"
    if delta["type"] == "map":
        return f"MAP({duckdb_type(delta['keyType'])}, {duckdb_type(delta['valueType'])})"
    fields = ", ".join(f"{_quoted(field['name'])} {duckdb_type(field['type'])}" for field in delta["fields"])
    return f"STRUCT({fields})"


def _local_path(uri: str, table_uri: str, folder: Path) -> str:
    """delta-rs percent-encodes the table's own folder, not the path within it: only the latter is taken."""
    root = table_uri.removeprefix("file://").rstrip("/") + "/"
    file = uri.removeprefix("file://")
    return str(folder.absolute() / file.removeprefix(root)) if file.startswith(root) else file


def _at(version: int | None) -> str:
    return "" if version is None else f" at version {version}"


def _unglobbed(path: str) -> str:
    return re.sub(r"([\[*?])", r"[\1]", path)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class _ReadOnlyFile:
    """An open file that DuckDB's threads share: each has its own position, or reads would mix."""

    def __init__(self, path: str) -> None:
        self._descriptor = os.open(path, os.O_RDONLY)
        self._size = os.fstat(self._descriptor).st_size
        self._local = threading.local()

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self.tell(), os.SEEK_END: self._size}[whence]
        self._local.position = start + offset
        return start + offset

    def tell(self) -> int:
        return getattr(self._local, "position", 0)

    def read(self, length: int = -1) -> bytes:
        left = self._size - self.tell() if length < 0 else length
        parts = []
        while left > 0 and (part := os.pread(self._descriptor, left, self.tell())):
            parts.append(part)
            left -= len(part)
            self._local.position = self.tell() + len(part)
        return b"".join(parts)

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def _jail(served: set[str]) -> "AbstractFileSystem":
    """A read-only file system that knows the files in ``served`` and no other."""
    from fsspec import AbstractFileSystem  # 80 ms, which only a jailed connection should pay

    class Jail(AbstractFileSystem):  # type: ignore[misc]
        protocol = _PROTOCOL
        cachable = False

        def _file(self, path: str) -> str:
            file = path.removeprefix(f"{_PROTOCOL}://")
            if file not in served:
                raise PermissionError("a query reads the tables of the lake, not files")
            return file

        def open(self, path: str, mode: str = "rb", **_: Any) -> _ReadOnlyFile:
            if mode != "rb":
                raise PermissionError("a query cannot write")
            return _ReadOnlyFile(self._file(path))

        def exists(self, path: str, **_: Any) -> bool:
            return path.removeprefix(f"{_PROTOCOL}://") in served

        def isdir(self, path: str) -> bool:
            return False

        def glob(self, path: str, **_: Any) -> list[str]:
            return [self._file(path)]

        def info(self, path: str, **_: Any) -> dict[str, Any]:
            status = os.stat(self._file(path))
            return {"name": path, "size": status.st_size, "type": "file", "mtime": status.st_mtime}

        def modified(self, path: str) -> datetime.datetime:
            return datetime.datetime.fromtimestamp(os.stat(self._file(path)).st_mtime, datetime.UTC)

    return Jail()

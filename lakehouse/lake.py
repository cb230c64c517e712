"""The lake: tables by name, read and written through one door that holds them to their declaration."""

import fcntl
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Literal

from contracts import Contracts
from lakehouse import spill
from lakehouse.errors import DataError, EnvironmentFault, UsageError
from lakehouse.intact import RESTORE, finish_restores
from lakehouse.opened import opened
from lakehouse.places import newest_commit
from lakehouse.private import make_private
from lakehouse.settings import Settings

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    import duckdb
    import pyarrow as pa
    from deltalake import DeltaTable
    from pyspark.sql import DataFrame, SparkSession

LOG_RETENTION = "interval 120 days"
"""Delta drops log entries after 30 days unless told; a version without its log entry cannot be read. Releases are
kept for 90 (lakehouse.maintenance)."""

ROW_GROUP_ROWS = 131_072
"""DuckDB reads a file by row groups, one a thread, and leaves out those that hold nothing of what is asked for."""


class Lake:
    """All tables of one workspace.

    A table is a folder ``<lake>/<schema>/<table>`` with a Delta log; one that can name a person or reach them lies so
    in the restricted folder (``Settings.places``). Small tables (ops, identity) are written with delta-rs, in
    milliseconds and without a JVM; the large ones with Spark. Both check the declared columns.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        spill.use(self.settings.state)

    @cached_property
    def contracts(self) -> Contracts:
        return Contracts(self.settings.contracts)

    @property
    def spark(self) -> "SparkSession":
        """The process's session, started on first use."""
        from lakehouse.session import open_session

        return open_session(self.settings)

    def path(self, table: str) -> str:
        """The folder of a table: where it is, or where its declaration says that it is to be."""
        schema, _, name = table.partition(".")
        if not name or not all(part.replace("_", "").isalnum() for part in (schema, name)):
            raise UsageError(f"{table!r} is not a table name", do="write it as schema.table; see: clew tables")
        places = self.settings.places
        return str(places.found(table) or self._declared_place(table))

    def _declared_place(self, table: str) -> Path:
        places = self.settings.places
        root = places.restricted if self.contracts.is_restricted(table) else places.open
        return root.joinpath(*table.split("."))

    def restricted_folder(self) -> Path:
        """The folder of restricted tables, made so that its owner alone may enter it."""
        return make_private(self.settings.places.restricted)

    def exists(self, table: str) -> bool:
        return self.settings.places.found(table) is not None

    def tables(self) -> list[str]:
        """Every table that has a Delta log, sorted."""
        return self.settings.places.tables()

    def delta(self, table: str, version: int | None = None) -> "DeltaTable":
        """The table as delta-rs sees it, at its newest version or at ``version``."""
        from deltalake.exceptions import DeltaError, TableNotFoundError

        try:
            return opened(Path(self.path(table)), version)
        except TableNotFoundError as error:
            raise UsageError(
                f"there is no table {table}" + ("" if version is None else f" at version {version}"),
                self.path(table),
                "see what there is: clew tables",
            ) from error
        except DeltaError as error:
            from lakehouse.faults import explained

            raise explained(self, error) or DataError(
                f"{table} cannot be read" + ("" if version is None else f" at version {version}"),
                self.path(table),
                "see what is broken: clew doctor --tables",
            ) from error

    def version(self, table: str) -> int:
        """The newest version, by the names in the log where they tell: gates and releases ask it of every table."""
        found = self.settings.places.found(table)
        newest = None if found is None else newest_commit(found)
        return self.delta(table).version() if newest is None else newest

    def highest(self, table: str, column: str) -> int | None:
        """The highest value of a whole-number column; from the statistics in the table's log, where they tell."""
        import pyarrow as pa
        import pyarrow.compute as pc

        actions = pa.table(self.delta(table).get_add_actions(flatten=True))
        if actions.num_rows == 0:
            return None
        told = actions.column_names
        found = actions[f"max.{column}"] if f"max.{column}" in told else None
        if found is None or found.null_count:
            found = self.arrow(table, columns=[column])[column]
        return pc.max(found).as_py()

    def df(self, table: str, version: int | None = None) -> "DataFrame":
        reader = self.spark.read.format("delta")
        if version is not None:
            reader = reader.option("versionAsOf", version)
        return reader.load(self.path(table))

    def arrow(self, table: str, columns: list[str] | None = None, version: int | None = None) -> "pa.Table":
        """A table's rows, read by Arrow's own file system.

        That of delta-rs calls Python from Arrow's threads; a process that ends meanwhile is aborted (exit code 134).
        """
        from pyarrow.fs import LocalFileSystem, SubTreeFileSystem

        files = SubTreeFileSystem(self.path(table), LocalFileSystem())
        return self.delta(table, version).to_pyarrow_table(columns=columns, filesystem=files)

    def duck(
        self,
        release: int | Literal["live"] = "live",
        only: Iterable[str] | None = None,
        versions: dict[str, int] | None = None,
    ) -> "duckdb.DuckDBPyConnection":
        """A DuckDB connection with a view over every table (or ``only`` some): as of now, a release, or versions."""
        from lakehouse.duck import connect
        from lakehouse.releases import release_tables

        if release != "live":
            versions = release_tables(self, release)
        return connect(self.settings.places, versions, only=only)

    def quick(self, *tables: str) -> "AbstractContextManager[duckdb.DuckDBPyConnection]":
        """A connection for a short question about a few tables as of now, at a tenth of the cost of ``duck``."""
        from lakehouse.duck import quick

        return quick(self.settings.places, *tables)

    def ensure_tables(self) -> None:
        """Create every declared table that is not there yet, empty, and every column that was declared since.

        Tables that are declared to lie elsewhere are moved.

        Raises:
            EnvironmentFault: If a table cannot be moved.
        """
        self.restricted_folder()
        for name in self.tables():
            self._put_in_place(name)
        for name in sorted(self.contracts.tables):
            if name != "bronze.<source>":
                self._ensure(name)
                self._add_columns(name)
        for source in sorted(self.contracts.sources):
            self._ensure(f"bronze.{source}")

    def append(self, table: str, rows: "pa.Table | Iterable[Mapping[str, Any]]") -> None:
        """Add rows with delta-rs."""
        self._write_arrow(table, rows, "append")

    def overwrite(
        self,
        table: str,
        rows: "pa.Table | pa.RecordBatchReader | Iterable[Mapping[str, Any]]",
        where: str | None = None,
    ) -> None:
        """Replace a table's rows, or those that ``where`` selects, with delta-rs in one commit.

        Batches are written as they come, so that a table need not fit memory; they may be read from the table itself.
        """
        self._write_arrow(table, rows, "overwrite", where)

    def write_df(
        self, table: str, df: "DataFrame", replace_where: str | None = None, note: Mapping[str, Any] | None = None
    ) -> None:
        """Replace a Spark table's rows, or those that ``replace_where`` selects, in one commit.

        Args:
            table: A declared table.
            df: Exactly the declared columns, in any order.
            replace_where: A predicate over the table's columns.
            note: Is kept with the commit, for ``commits.note_of``.

        Raises:
            DataError: If columns are missing or not declared.
        """
        writer = self._declared(table, df).write.format("delta").mode("overwrite")
        if replace_where:
            writer = writer.option("replaceWhere", replace_where)
        if note:
            writer = writer.option("userMetadata", json.dumps(note, sort_keys=True))
        writer.save(self.path(table))

    def append_df(self, table: str, df: "DataFrame", txn: tuple[str, int] | None = None) -> None:
        """Add rows to a Spark table, in one commit.

        Args:
            table: A declared table.
            df: Exactly the declared columns, in any order.
            txn: An application and its version; a retry of the same pair writes nothing.

        Raises:
            DataError: If columns are missing or not declared.
        """
        writer = self._declared(table, df).write.format("delta").mode("append")
        if txn:
            writer = writer.option("txnAppId", txn[0]).option("txnVersion", txn[1])
        writer.save(self.path(table))

    @contextmanager
    def lock(self, name: str, *, shared: bool = False) -> Iterator[None]:
        """Keep other processes from writing meanwhile: Delta on a local folder has no lock of its own.

        Args:
            name: What is locked.
            shared: Others may hold it shared, too; nobody may hold it alone.
        """
        with self._lock_file(name) as file:
            fcntl.flock(file, fcntl.LOCK_SH if shared else fcntl.LOCK_EX)
            yield

    def is_locked(self, name: str) -> bool:
        """Whether a process, be it this one, holds a lock. The kernel lets go of what a killed process held."""
        with self._lock_file(name) as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _lock_file(self, name: str) -> IO[str]:
        folder = make_private(self.settings.state) / "locks"
        folder.mkdir(exist_ok=True)
        return (folder / f"{name}.lock").open("w")

    def _declared(self, table: str, df: "DataFrame") -> "DataFrame":
        """The DataFrame in the declared columns, order and types; the table, made if it is not there."""
        self._ensure(table)
        declared = self.contracts.table(table).columns
        if set(df.columns) != set(declared):
            raise DataError(
                f"columns to write differ from the declaration: missing {sorted(set(declared) - set(df.columns))}, "
                f"undeclared {sorted(set(df.columns) - set(declared))}",
                table,
                "declare the column in contracts/tables, or mend the step that writes it",
            )
        return df.selectExpr(*[f"cast(`{name}` as {column.type}) as `{name}`" for name, column in declared.items()])

    def _put_in_place(self, table: str) -> None:
        """Move a table to where its declaration says, in one rename."""
        here, there = Path(self.path(table)), self._declared_place(table)
        if here == there:
            return
        with self.lock(table):
            there.parent.mkdir(parents=True, exist_ok=True)
            try:
                here.rename(there)
            except OSError as error:
                raise EnvironmentFault(
                    f"{table} lies in the wrong folder and could not be moved ({error.strerror})",
                    str(here),
                    f"move it by hand while nothing runs: mv {here} {there}",
                ) from error

    def _ensure(self, table: str) -> None:
        if self.exists(table):
            return
        with self.lock(RESTORE):
            finish_restores(self)
            if not self.exists(table):
                self._make(table)

    def _make(self, table: str) -> None:
        self.restricted_folder()
        from deltalake import DeltaTable

        from lakehouse.checksum import write_first
        from lakehouse.schema import arrow_schema

        declared = self.contracts.table(table)
        DeltaTable.create(
            self.path(table),
            schema=arrow_schema(declared),
            mode="ignore",
            name=table,
            description=declared.grain,
            configuration={"delta.logRetentionDuration": LOG_RETENTION},
        )
        write_first(Path(self.path(table)))

    def _add_columns(self, table: str) -> None:
        """Add the columns that were declared since the table was made; their value in older rows is NULL."""
        from deltalake import Schema

        from lakehouse.schema import arrow_schema

        delta = self.delta(table)
        there = {field.name for field in delta.schema().fields}
        declared = Schema.from_arrow(arrow_schema(self.contracts.table(table))).fields
        if added := [field for field in declared if field.name not in there]:
            delta.alter.add_columns(added)

    def _write_arrow(
        self,
        table: str,
        rows: "pa.Table | pa.RecordBatchReader | Iterable[Mapping[str, Any]]",
        mode: Literal["append", "overwrite"],
        where: str | None = None,
    ) -> None:
        import pyarrow as pa
        from deltalake import WriterProperties, write_deltalake

        from lakehouse.schema import arrow_schema

        schema = arrow_schema(self.contracts.table(table))
        if not isinstance(rows, pa.Table | pa.RecordBatchReader):
            rows = pa.Table.from_pylist(list(rows), schema=schema)
        given = rows.schema.names
        if set(given) != set(schema.names):
            raise DataError(
                f"columns to write differ from the declaration: missing {sorted(set(schema.names) - set(given))}, "
                f"undeclared {sorted(set(given) - set(schema.names))}",
                table,
                "declare the column in contracts/tables, or mend the step that writes it",
            )
        self._ensure(table)
        ordered = _declared_order(rows, schema)
        with self.lock(table):
            properties = WriterProperties(compression="SNAPPY", max_row_group_size=ROW_GROUP_ROWS)
            if mode == "append":
                write_deltalake(self.path(table), ordered, mode="append", writer_properties=properties)
            else:
                # What is replaced whole takes the columns declared today.
                evolve: Literal["overwrite"] | None = None if where else "overwrite"
                write_deltalake(
                    self.path(table),
                    ordered,
                    mode="overwrite",
                    predicate=where,
                    schema_mode=evolve,
                    writer_properties=properties,
                )


def _declared_order(rows: "pa.Table | pa.RecordBatchReader", schema: "pa.Schema") -> "pa.Table | pa.RecordBatchReader":
    """The rows with the columns and types of a schema that has the same names."""
    import pyarrow as pa

    if isinstance(rows, pa.Table):
        return rows.select(schema.names).cast(schema)
    batches = (pa.Table.from_batches([batch]).select(schema.names).cast(schema).combine_chunks() for batch in rows)
    return pa.RecordBatchReader.from_batches(schema, (part for table in batches for part in table.to_batches()))

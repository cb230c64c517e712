"""DuckDB views over Delta tables, written here by delta-rs; a jailed connection must touch nothing else."""

import datetime as dt
import shutil
from pathlib import Path

import deltalake
import duckdb
import pyarrow as pa
import pytest

from contracts.errors import DataError
from lakehouse.duck import connect, duckdb_type, mentioned_in, quick, shared_database, tables_in

SELECT = """SELECT event_id, "at", properties['price'], landing, part FROM gold.events ORDER BY 1"""
EVENTS = pa.schema(
    [
        ("event_id", pa.string()),
        ("at", pa.timestamp("us", "UTC")),
        ("properties", pa.map_(pa.string(), pa.string())),
        ("landing", pa.int32()),
        ("part", pa.string()),
    ]
)


def _events(*rows: tuple[str, dict[str, str], int, str | None]) -> pa.Table:
    at = dt.datetime(2017, 12, 31, 23, 0, tzinfo=dt.UTC)
    return pa.Table.from_pylist(
        [
            {
                "event_id": key,
                "at": at,
                "properties": list(properties.items()),
                "landing": landing,
                "part": part,
            }
            for key, properties, landing, part in rows
        ],
        schema=EVENTS,
    )


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    folder = tmp_path / "my lake"
    first = _events(("e1", {"price": "1.5"}, 1, "a b"), ("e2", {}, 1, "c=d/é%"))
    deltalake.write_deltalake(str(folder / "gold/events"), first, partition_by=["landing", "part"])
    second = _events(("e3", {"price": "2"}, 2, None))
    deltalake.write_deltalake(str(folder / "gold/events"), second, mode="append")
    empty = pa.schema([("profile_id", pa.string()), ("value", pa.decimal128(10, 2)), ("born", pa.date32())])
    deltalake.DeltaTable.create(str(folder / "gold/profiles"), schema=deltalake.Schema.from_arrow(empty))
    deltalake.write_deltalake(str(folder / "ops/runs"), pa.table({"run_id": ["r1"]}))
    return folder


@pytest.mark.parametrize("jailed", [False, True])
def test_a_partitioned_table_is_read_whole_with_odd_paths_and_its_own_types(lake: Path, jailed: bool) -> None:
    connection = connect(lake, jailed=jailed)
    cursor = connection.execute(SELECT)
    types = [str(column[1]) for column in cursor.description]
    at = dt.datetime(2017, 12, 31, 23, 0, tzinfo=dt.UTC)
    assert types == ["VARCHAR", "TIMESTAMP WITH TIME ZONE", "VARCHAR", "INTEGER", "VARCHAR"]
    assert cursor.fetchall() == [
        ("e1", at, "1.5", 1, "a b"),
        ("e2", at, None, 1, "c=d/é%"),
        ("e3", at, "2", 2, None),
    ]
    assert connection.execute('SELECT "at"::VARCHAR FROM gold.events LIMIT 1').fetchone() == ("2017-12-31 23:00:00+00",)


def test_a_version_shows_the_table_as_it_was(lake: Path) -> None:
    then = connect(lake, {"gold.events": 0})
    assert then.execute("SELECT count(*) FROM gold.events").fetchone() == (2,)


def test_a_release_shows_its_tables_and_the_ledger_only(lake: Path) -> None:
    release = connect(lake, {"gold.events": 1})
    assert release.execute("SELECT run_id FROM ops.runs").fetchall() == [("r1",)]
    with pytest.raises(duckdb.CatalogException, match="profiles"):
        release.execute("SELECT * FROM gold.profiles")


def test_an_empty_table_keeps_its_columns_and_types(lake: Path) -> None:
    cursor = connect(lake).execute("SELECT * FROM gold.profiles")
    assert [(c[0], str(c[1])) for c in cursor.description] == [
        ("profile_id", "VARCHAR"),
        ("value", "DECIMAL(10,2)"),
        ("born", "DATE"),
    ]
    assert cursor.fetchall() == []


def test_a_column_added_later_is_null_in_older_files(lake: Path) -> None:
    wider = pa.table({"run_id": ["r2"], "note": ["late"]})
    deltalake.write_deltalake(str(lake / "ops/runs"), wider, mode="append", schema_mode="merge")
    rows = connect(lake).execute("SELECT run_id, note FROM ops.runs ORDER BY 1").fetchall()
    assert rows == [("r1", None), ("r2", "late")]


def test_a_version_that_is_not_there_is_told(lake: Path) -> None:
    with pytest.raises(DataError, match=r"gold\.events cannot be read at version 99"):
        connect(lake, {"gold.events": 99})


def test_a_table_that_was_made_anew_or_appended_to_is_read_anew_by_the_same_process(lake: Path) -> None:
    folder = lake / "ops/runs"
    for rows in (["r7"], ["r8", "r9"]):
        shutil.rmtree(folder)
        deltalake.write_deltalake(str(folder), pa.table({"run_id": rows}))
        assert connect(lake).sql("SELECT run_id FROM ops.runs ORDER BY ALL").fetchall() == [(row,) for row in rows]
    deltalake.write_deltalake(str(folder), pa.table({"run_id": ["r10"]}), mode="append")
    assert connect(lake).sql("SELECT count(*) FROM ops.runs").fetchall() == [(3,)]
    assert connect(lake, {"ops.runs": 0}).sql("SELECT count(*) FROM ops.runs").fetchall() == [(2,)]


def test_a_folder_without_a_delta_log_is_no_table(lake: Path) -> None:
    (lake / "gold" / "stray").mkdir()
    assert tables_in(lake) == ["gold.events", "gold.profiles", "ops.runs"]


def test_quick_questions_see_their_own_tables_only_and_leave_nothing_behind(lake: Path, tmp_path: Path) -> None:
    deltalake.write_deltalake(str(tmp_path / "other/ops/runs"), pa.table({"run_id": ["r2", "r3"]}))
    with quick(lake, "ops.runs", "gold.none") as one, quick(tmp_path / "other", "ops.runs") as other:
        assert one.execute("SELECT run_id FROM ops.runs").fetchone() == ("r1",)  # and the rest stays unread
        assert len(other.execute("FROM ops.runs").fetchall()) == 2
        other.execute("CREATE TEMP TABLE kept AS FROM ops.runs")
        with pytest.raises(duckdb.CatalogException):
            one.execute("FROM kept")
        with pytest.raises(duckdb.CatalogException):
            other.execute("FROM gold.profiles")
    with pytest.raises(RuntimeError), quick(lake, "ops.runs"):
        raise RuntimeError
    with shared_database().cursor() as connection:
        assert connection.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal").fetchall() == [(1,)]


def test_only_tables_the_sql_names_are_opened() -> None:
    tables = ["gold.events", "gold.profiles", "silver.events"]
    assert mentioned_in('select * from "gold"."Events"', tables) == ["gold.events", "silver.events"]
    assert mentioned_in("select 1", tables) == []
    assert mentioned_in("show all tables", tables) == tables
    assert mentioned_in("from duckdb_columns()", tables) == tables


def test_nested_delta_types_have_duckdb_types() -> None:
    struct = {"type": "struct", "fields": [{"name": "a b", "type": "long"}]}
    nested = {"type": "array", "elementType": {"type": "map", "keyType": "string", "valueType": struct}}
    assert duckdb_type(nested) == 'MAP(VARCHAR, STRUCT("a b" BIGINT))[]'


def _statements(lake: Path) -> list[tuple[str, str]]:
    file = next(path for path in lake.rglob("*.parquet") if "ops" in str(path))
    outside = lake.parent / "outside.csv"
    outside.write_text("a\n1\n")
    new = lake.parent / "new.csv"
    return [
        ("write a file", f"COPY (SELECT 1) TO '{new}'"),
        ("write within a select", f"WITH x AS (COPY (SELECT 1) TO '{new}') FROM x"),
        ("overwrite a table's file", f"COPY (SELECT 1) TO 'clewlake://{file}' (FORMAT parquet)"),
        ("overwrite within a select", f"WITH x AS (COPY (SELECT 1) TO 'clewlake://{file}') FROM x"),
        ("overwrite by its plain path", f"COPY (SELECT 1) TO '{file}' (FORMAT parquet)"),
        ("make a database", f"ATTACH '{new}'"),
        ("make a database in the jail", f"ATTACH 'clewlake://{new}'"),
        ("write a log", f"CALL enable_logging(storage = 'file', storage_path = '{new}')"),
        ("export", f"EXPORT DATABASE '{new}'"),
        ("read another file", f"SELECT * FROM read_text('{outside}')"),
        ("read another file in the jail", f"SELECT * FROM read_text('clewlake://{outside}')"),
        ("climb out", f"SELECT * FROM read_text('clewlake://{file}/../../../../outside.csv')"),
        ("list files", f"SELECT * FROM glob('{lake}/**')"),
        ("load an extension", "LOAD httpfs"),
        ("install an extension", "INSTALL httpfs"),
        ("unlock", "SET enable_external_access = true"),
        ("give the file system back", "SET disabled_filesystems = ''"),
        ("spread the jail", "SET allowed_directories = ['/']"),
    ]


@pytest.mark.parametrize("number", range(18))
def test_a_jailed_connection_cannot(lake: Path, number: int) -> None:
    statements = _statements(lake)
    assert len(statements) == 18
    before = {path: path.read_bytes() for path in sorted(lake.parent.rglob("*")) if path.is_file()}
    connection = connect(lake, jailed=True)
    what, sql = statements[number]
    with pytest.raises((duckdb.Error, PermissionError)):
        connection.execute(sql).fetchall()
    after = {path: path.read_bytes() for path in sorted(lake.parent.rglob("*")) if path.is_file()}
    assert after == before, what


def test_a_jail_reads_right_with_many_threads(tmp_path: Path) -> None:
    rows = 400_000
    table = pa.table({"i": range(rows), "s": [f"value {n % 977}" for n in range(rows)]})
    properties = deltalake.WriterProperties(max_row_group_size=5_000)
    deltalake.write_deltalake(str(tmp_path / "gold/big"), table, writer_properties=properties)
    sql = "SELECT count(*), sum(i), count(DISTINCT s), min(s), max(s) FROM gold.big"
    for _ in range(5):
        jailed = connect(tmp_path, jailed=True).execute(sql).fetchone()
        assert jailed == (rows, rows * (rows - 1) // 2, 977, "value 0", "value 99")

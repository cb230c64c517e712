"""What a table says, as one hash: equal for equal rows, in whatever order, files and versions they lie.

A row counts as the text of its declared columns but those that a run's clock and name decide (``set_by`` in
contracts/tables). Its MD5 is taken as two numbers, and those of all rows are summed, so that neither order matters nor
does a row that is there twice go unseen. MD5 serves to find faults, not forgers: seals are in ``lakehouse.seal``.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from contracts.marts import published_models
from contracts.table import SetBy
from lakehouse import spill
from lakehouse.duck import select_of

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake

HASHED = ("bronze", "silver", "identity", "gold")
"""Schemas whose tables have content; ops tells of runs."""
OF_RUNS: frozenset[SetBy] = frozenset({"run"})
OF_LANDINGS: frozenset[SetBy] = frozenset({"run", "landing"})
"""What to leave out where two lakes got the same lines in other landings."""
EVERY_ROW = "SELECT * FROM {}"
SHOWN_KEYS = 20
_SHOWABLE = ("none", "pseudonymous", "behavioural")
"""Privacy classes of key columns that may be shown: the others hold a personal value."""


@dataclass(frozen=True)
class Content:
    """The rows of a table and their hash, 32 hexadecimal digits."""

    table: str
    rows: int
    hash: str


@dataclass(frozen=True)
class Difference:
    """A row that two tables do not have alike.

    Attributes:
        key: Key columns and their values as text; a value that may be personal is withheld.
        columns: The columns that differ; none where only one of the tables has the row.
        only_in: ``left`` or ``right`` where only that one has it.
    """

    key: dict[str, str | None]
    columns: tuple[str, ...]
    only_in: str | None


@dataclass(frozen=True)
class Shape:
    """What of a table is hashed, and what names a row of it.

    Attributes:
        columns: The hashed columns, sorted, each with its SQL as canonical text.
        key: Key columns; a row of a mart without a declared key has none.
        withheld: Key columns whose values may be personal.
    """

    columns: dict[str, str]
    key: tuple[str, ...]
    withheld: frozenset[str]


def content(
    lake: "Lake",
    table: str,
    version: int | None = None,
    *,
    leave_out: frozenset[SetBy] = OF_RUNS,
    rows: str = EVERY_ROW,
) -> Content:
    """Hash what a table says.

    Args:
        lake: Has the table.
        table: Its name.
        version: Its version; None is the newest.
        leave_out: Columns that such things decide do not count.
        rows: SQL that chooses what of the table counts, with ``{}`` for the table.

    Raises:
        DataError: If the table cannot be read.
    """
    with _connection() as connection:
        connection.execute(f"CREATE VIEW hashed AS {_chosen(lake, table, version, rows)}")
        columns = shape(lake, table, connection, "hashed", leave_out).columns
        text = f"to_json([{', '.join(columns.values())}]::VARCHAR[])::VARCHAR"
        (counted,) = connection.execute(
            f"""SELECT count(*), coalesce(sum(md5_number_lower(t)), 0), coalesce(sum(md5_number_upper(t)), 0)
                FROM (SELECT {text} AS t FROM hashed)"""
        ).fetchall()
    told = "|".join(map(str, (*columns, *counted)))
    return Content(table, counted[0], hashlib.sha256(told.encode()).hexdigest()[:32])


def contents(
    lake: "Lake", tables: Iterable[str] | None = None, leave_out: frozenset[SetBy] = OF_RUNS
) -> dict[str, Content]:
    """Hash tables; if none are named, all that have content."""
    chosen = hashed_tables(lake) if tables is None else tables
    return {table: content(lake, table, leave_out=leave_out) for table in chosen}


def hashed_tables(lake: "Lake") -> list[str]:
    """The tables of a lake that have content, sorted."""
    return [table for table in lake.tables() if table.split(".")[0] in HASHED]


def differences(
    left: "Lake",
    right: "Lake",
    table: str,
    *,
    left_version: int | None = None,
    leave_out: frozenset[SetBy] = OF_RUNS,
    rows: str = EVERY_ROW,
) -> tuple[int, list[Difference]]:
    """How many rows two lakes do not have alike in a table, and the first of these in the order of their keys.

    Args:
        left: A lake with the table.
        right: Another.
        table: Its name.
        left_version: Its version in ``left``; None is the newest.
        leave_out: As for ``content``.
        rows: As for ``content``.
    """
    with _connection() as connection:
        connection.execute(f"CREATE VIEW mine AS {_chosen(left, table, left_version, rows)}")
        connection.execute(f"CREATE VIEW yours AS {_chosen(right, table, None, rows)}")
        found = shape(left, table, connection, "mine", leave_out)
        theirs = shape(right, table, connection, "yours", leave_out).columns
        named = sorted({*found.columns, *theirs})
        for view, columns in (("mine", found.columns), ("yours", theirs)):
            cells = ", ".join(f'{columns.get(name, "NULL")}::VARCHAR AS "{name}"' for name in named)
            connection.execute(f"CREATE TEMP TABLE {view}_text AS SELECT {cells} FROM {view}")
        connection.execute(
            """CREATE TEMP TABLE unlike AS
               SELECT 'left' AS side_, * FROM (FROM mine_text EXCEPT ALL FROM yours_text)
               UNION ALL SELECT 'right', * FROM (FROM yours_text EXCEPT ALL FROM mine_text)"""
        )
        key = list(found.key) or named
        listed = ", ".join(f'"{name}"' for name in key)
        (counted,) = connection.execute(f"SELECT count(*) FROM (SELECT DISTINCT {listed} FROM unlike)").fetchall()
        cursor = connection.execute(f"SELECT * FROM unlike ORDER BY {listed}, side_ LIMIT {2 * SHOWN_KEYS}")
        rows_found = [dict(zip(["side_", *named], row, strict=True)) for row in cursor.fetchall()]
    withheld = found.withheld if found.key else frozenset(named)
    return counted[0], _told(rows_found, key, withheld)


def shape(
    lake: "Lake", table: str, connection: "duckdb.DuckDBPyConnection", view: str, leave_out: frozenset[SetBy]
) -> Shape:
    """What of a table is hashed, for a view of it; columns that are not declared count too."""
    key, left_out, withheld = _declared(lake, table, leave_out)
    described = connection.execute(f"DESCRIBE {view}").fetchall()
    kinds = {name: kind for name, kind, *_ in described if name not in left_out}
    columns = {name: _as_text(name, kinds[name]) for name in sorted(kinds)}
    return Shape(columns, tuple(name for name in key if name in columns), withheld)


def _declared(
    lake: "Lake", table: str, leave_out: frozenset[SetBy]
) -> tuple[tuple[str, ...], set[str], frozenset[str]]:
    """Of a table's declaration: its key, the columns that do not count, and those not to be shown."""
    known = lake.contracts.tables
    schema, name = table.split(".")
    declared = known.get(table) or (known["bronze.<source>"] if schema == "bronze" else None)
    if declared is not None:
        columns = declared.columns.items()
        left_out = {name for name, column in columns if column.set_by in leave_out}
        return declared.key, left_out, frozenset(name for name, column in columns if column.privacy not in _SHOWABLE)
    for _, model in published_models():
        if model["name"] == name:
            metas = {column["name"]: (column.get("config") or {}).get("meta") or {} for column in model["columns"]}
            left_out = {column for column, meta in metas.items() if meta.get("set_by", "data") in leave_out}
            hidden = frozenset(column for column, meta in metas.items() if meta.get("class") not in _SHOWABLE)
            return tuple(((model.get("config") or {}).get("meta") or {}).get("key", ())), left_out, hidden
    return (), set(), frozenset()


def _as_text(name: str, kind: str) -> str:
    """SQL of a column's canonical text: one text for one value, whatever wrote it."""
    column = f'"{name}"'
    if kind.startswith("MAP"):
        return f"to_json(list_sort(map_entries({column})))::VARCHAR"  # a map has no order, its bytes have one
    if kind.startswith("TIMESTAMP"):
        return f"epoch_us({column})::VARCHAR"
    if kind == "BLOB":
        return f"hex({column})"
    if kind.endswith("]") or kind.startswith("STRUCT"):
        return f"to_json({column})::VARCHAR"
    return f"{column}::VARCHAR"


def _chosen(lake: "Lake", table: str, version: int | None, rows: str) -> str:
    return rows.format(f"({select_of(lake.settings.places, table, version)})")


def _connection() -> "duckdb.DuckDBPyConnection":
    import duckdb

    connection = duckdb.connect(config=spill.duck())
    connection.execute("SET TimeZone = 'UTC'")
    connection.execute("SET enable_progress_bar = false")
    return connection


def _told(cells: list[dict[str, Any]], key: list[str], withheld: frozenset[str]) -> list[Difference]:
    by_key: dict[tuple, dict[str, Mapping[str, Any]]] = {}
    for row in cells:
        by_key.setdefault(tuple(row[name] for name in key), {})[row["side_"]] = row
    found = []
    for values, sides in list(by_key.items())[:SHOWN_KEYS]:
        shown = {name: "(withheld)" if name in withheld else value for name, value in zip(key, values, strict=True)}
        if len(sides) == 1:
            found.append(Difference(shown, (), next(iter(sides))))
        else:
            unlike = (name for name in sides["left"] if sides["left"][name] != sides["right"][name])
            found.append(Difference(shown, tuple(name for name in unlike if name != "side_"), None))
    return found

"""`clew query`: SQL on a release, through delta-rs and DuckDB."""

import re
import time
from collections.abc import Iterator
from difflib import get_close_matches
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clew.output import (
    ROWS_SHOWN,
    Format,
    Row,
    distinct,
    note,
    print_csv,
    print_rows_json,
    print_table,
    results,
)
from contracts.errors import ClewError, DataError, UsageError

if TYPE_CHECKING:
    import duckdb

    from clew.workspace import Reading

_CHANGES = (
    frozenset({"INSERT", "UPDATE", "DELETE", "MERGE_INTO", "DROP", "ALTER", "CREATE", "VACUUM", "SET", "LOAD"})
    | {"COPY", "COPY_DATABASE", "EXPORT", "ATTACH", "DETACH"}
)  # fmt: skip
_HELP = "correct the SQL; tables: clew tables; columns: clew query 'DESCRIBE gold.profiles'"
_TOLD = (
    "Could not convert string", "Could not parse string", "Could not decode string", "Could not cast value",
    "Failed to cast value", "Failed to parse format specifier", "Malformed JSON", "JSON path error",
    "invalid date field format", "invalid timestamp field format", "time field value out of range",
    "date field value out of range", "Date out of range", "Time out of range", "Value out of range", "Overflow in",
    "Unimplemented type for cast", "Unknown TimeZone", "missing )", "missing ]", "Map keys must be unique",
    "More than one row returned by a subquery used as an expression", "Cannot create a string of size",
)  # fmt: skip
"""How DuckDB begins to tell of a value. What follows is left out, since the value may be anywhere in it."""


def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT, in DuckDB's SQL; tables are schema.table.")],
    form: Annotated[Format, typer.Option("--format", help="How the rows are printed.")] = Format.TABLE,
    release: Annotated[str, typer.Option(help="A release's number, latest or live.")] = "latest",
    role: Annotated[
        str | None, typer.Option(help="As whom: a role of contracts/roles.yml; it narrows what the files allow.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False,
) -> None:
    """Run SQL on a release, without a JVM."""
    import duckdb

    from clew.workspace import read

    form = Format.JSON if as_json else form
    begin = time.monotonic()
    reading = read(release, sql=sql, jailed=True, role=role)
    if reading.release is None and release != "live":
        note("there is no release yet: these are the live tables, which a run may be changing")
    try:
        _refuse_what_is_no_query(reading.connection, sql)
        cursor = reading.connection.execute(sql)
        columns = [column[0] for column in cursor.description or ()]
        types = [str(column[1]) for column in cursor.description or ()]
        _write_down(reading, sql)
        with results():
            count = _print(form, reading, columns, types, cursor)
    except (duckdb.Error, PermissionError) as error:
        raise _explained(error, reading, sql) from error
    seconds = time.monotonic() - begin
    note(f"{reading.name} · {count:,} row{'s' if count != 1 else ''} · {seconds:.1f} s")


def _write_down(reading: "Reading", sql: str) -> None:
    """Write down that restricted tables are read, by their names."""
    from clew.looked import restricted_in, write_down_if_able

    if tables := restricted_in(reading, sql):
        number = "live" if reading.release is None else f"release {reading.release}"
        write_down_if_able(f"query, {number}: {', '.join(tables)}")


def _print(
    form: Format,
    reading: "Reading",
    columns: list[str],
    types: list[str],
    cursor: "duckdb.DuckDBPyConnection",
) -> int:
    count = 0

    def fetched() -> Iterator[Row]:
        nonlocal count
        while rows := cursor.fetchmany(1000):
            count += len(rows)
            yield from rows

    if form is Format.CSV:
        print_csv(columns, fetched())
    elif form is Format.JSON:
        described = [{"name": name, "type": kind} for name, kind in zip(distinct(columns), types, strict=True)]
        head = {
            "release": "live" if reading.release is None else reading.release,
            "as_of": reading.as_of,
            "columns": described,
        }
        print_rows_json(head, columns, fetched())
    else:
        shown: list[Row] = []
        for row in fetched():
            if len(shown) < ROWS_SHOWN:
                shown.append(row)
        print_table(columns, shown)
        if count > ROWS_SHOWN:
            note(f"{count - ROWS_SHOWN:,} more rows are not shown; --format csv prints all")
    return count


def _refuse_what_is_no_query(connection: "duckdb.DuckDBPyConnection", sql: str) -> None:
    """A clearer word than DuckDB's own refusal. The jail, not this, is what keeps the lake safe."""
    statements = connection.extract_statements(sql)
    if not statements:
        raise UsageError("there is no SQL to run", do='write a query, as in: clew query "DESCRIBE gold.profiles"')
    for statement in statements:
        kind = str(statement.type).removeprefix("StatementType.")
        if kind in _CHANGES:
            raise _read_only(kind)
    if len(statements) > 1:
        raise UsageError(
            f"these are {len(statements)} statements, of which only the last would be shown",
            "the SQL",
            "write one query; call clew query once for each",
        )


def _read_only(what: str) -> UsageError:
    return UsageError(
        f"a query only reads the tables of the lake; {what} is not possible",
        "the SQL",
        "write a SELECT; a table is changed by the step that owns it: clew run",
    )


def _explained(error: Exception, reading: "Reading", sql: str) -> ClewError:
    """DuckDB's error as what, where, do; with what the writer could have meant."""
    import duckdb

    text = str(error)
    first, place = _parts(text, sql)
    if isinstance(error, PermissionError | duckdb.PermissionException) or "PermissionError" in text:
        return _read_only("touching other files or settings")
    if isinstance(error, duckdb.OutOfMemoryException):
        return UsageError("the query needs more memory than there is", "", "aggregate or filter first, or add a LIMIT")
    if isinstance(error, duckdb.IOException) or "FileNotFoundError" in text:
        return DataError(
            f"a file of {reading.name} is gone",
            "the lake",
            "maintenance removes files of old releases after their retention; read --release latest",
        )
    if not isinstance(
        error, duckdb.ParserException | duckdb.SyntaxException | duckdb.BinderException | duckdb.CatalogException
    ):
        return _of_a_value(error, first, place)
    if table := re.search(r"Table with name (.+?) does not exist", text):
        return _unknown_table(table[1], reading, sql)
    if column := re.search(r'column (?:named )?"(.+?)"', text):
        meant = _candidates(text, column[1], reading)
        if meant:
            return UsageError(f"there is no column {column[1]}", place, f"did you mean {meant}?")
    if isinstance(error, duckdb.ParserException):
        return UsageError(first, place, f'{_HELP}; a column named like a word of SQL needs quotes: "at"')
    return UsageError(first, place, _HELP)


def _of_a_value(error: Exception, first: str, place: str) -> UsageError:
    """An error that came of executing: only what is known to be DuckDB's own words is told of it."""
    said = next((words for words in _TOLD if first.startswith(words)), None)
    return UsageError(
        f"{said} …: DuckDB's words are cut here, since a value of a person may follow"
        if said
        else f"the query cannot be worked out ({type(error).__name__}): DuckDB's words may hold a value of a person",
        place,
        "use TRY_CAST, or TRY(…) around a function: both give NULL where a value does not do",
    )


def _parts(text: str, sql: str) -> tuple[str, str]:
    """The first sentence of DuckDB's message, and the place it points at in the SQL."""
    first = re.sub(r"^[A-Z]\w*( \w+)? Error: ", "", text.split("\n", 1)[0])
    pointed = re.search(r"LINE (\d+): (.*)\n( *)\^", text)
    if not pointed:
        return first, "the SQL"
    offset = max(0, len(pointed[3]) - len(f"LINE {pointed[1]}: "))
    near = pointed[2][offset : offset + 40].strip()
    if near.strip(".") not in sql:  # a value that looks like this, and nothing that was typed
        return first, "the SQL"
    return first, f"the SQL, line {pointed[1]}, at: {near}"


def _unknown_table(name: str, reading: "Reading", sql: str) -> ClewError:
    bare = name.split(".")[-1].strip('"').lower()
    written = re.search(rf'["\w]+\s*\.\s*"?{re.escape(bare)}"?', sql, re.IGNORECASE)
    full = re.sub(r'["\s]', "", written[0]).lower() if written else bare
    for kept in reading.reader.declared():
        if (full == kept or (full == bare and bare == kept.split(".")[1])) and (
            refusal := reading.reader.refusal(kept)
        ):
            return refusal
    for hidden in reading.live_only:
        if full == hidden or (full == bare and bare == hidden.split(".")[1]):
            return UsageError(
                f"{hidden} is not part of {reading.name}",
                "the SQL",
                "read the live table: add --release live",
            )
    meant = _close_tables(full, bare, reading.tables)
    return UsageError(
        f"there is no table {full}",
        reading.name,
        f"did you mean {meant}?" if meant else f"use one of: {', '.join(reading.tables)}",
    )


def _close_tables(full: str, bare: str, tables: tuple[str, ...]) -> str:
    by_bare: dict[str, list[str]] = {}
    for table in tables:
        by_bare.setdefault(table.split(".")[1], []).append(table)
    close = list(by_bare.get(bare, []))
    close += get_close_matches(full, tables, n=3, cutoff=0.7)
    close += [table for match in get_close_matches(bare, by_bare, n=2, cutoff=0.7) for table in by_bare[match]]
    return " or ".join(dict.fromkeys(close[:3]))


def _candidates(text: str, wrong: str, reading: "Reading") -> str:
    """DuckDB's own candidates first, then close names among all columns that the query's tables have."""
    offered = re.search(r"Candidate bindings: (.+)", text)
    names: list[Any] = re.findall(r'"([^"]+)"', offered[1]) if offered else []
    if not names:
        rows = reading.connection.execute(
            "SELECT DISTINCT column_name FROM duckdb_columns() WHERE NOT internal"
        ).fetchall()
        names = get_close_matches(wrong, [row[0] for row in rows], n=3)
    return " or ".join(list(dict.fromkeys(names))[:3])

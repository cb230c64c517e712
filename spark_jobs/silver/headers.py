"""CSV lines as cells: each file is read by its own header, so columns may come in any order, with others among them.

Headers are data: every line is filled up with empty cells to the width of the broadest header and parsed once, and its
cells are looked up by their places in its own file's header. So a source may have any number of headers, of as many
widths, and the plan grows only with the broadest.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.source import Source
from spark_jobs.silver.sql import case, literal, name

MAX_CELLS = 20_000
"""Spark's reader of CSV stops with an error, and the run with it, at a line of more cells than it is told to take."""
NAME_LENGTH = 256
_HEADER = pa.schema(
    [("header", pa.string()), ("width", pa.int32()), ("places", pa.list_(pa.int32())), ("is_ambiguous", pa.bool_())]
)


@dataclass(frozen=True)
class Header:
    """One header line.

    Attributes:
        text: The line.
        width: Its number of columns.
        places: For each declared column, required ones first, where it stands (from 0); None where it does not.
        is_ambiguous: Whether it names a declared column twice, so that nobody can say which is meant.
    """

    text: str
    width: int
    places: tuple[int | None, ...]
    is_ambiguous: bool


def headers_of(messages: DataFrame, source: Source) -> list[Header]:
    """The distinct header lines among the messages: first lines that name every required column."""
    # Names are short; an endless line must not come to the driver to be found none.
    first = messages.where(f"line = 1 and length(message) <= {source.limits.max_columns * NAME_LENGTH}")
    for column in source.format.columns:  # first lines of files without a header are as many as there are files
        first = first.where(F.lower("message").contains(column))
    found = []
    for row in first.select("message").distinct().orderBy("message").collect():
        names = _names(row["message"], source.format.delimiter)
        if len(names) <= source.limits.max_columns and all(column in names for column in source.format.columns):
            places = tuple(names.index(column) if column in names else None for column in _declared(source))
            is_ambiguous = any(names.count(column) > 1 for column in _declared(source))
            found.append(Header(row["message"], len(names), places, is_ambiguous))
    return found


def _names(line: str, delimiter: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:  # a cell longer than any name of a column
        return []
    return [cell.strip().lower() for cell in cells]


def with_cells(messages: DataFrame, source: Source, headers: Sequence[Header]) -> DataFrame:
    """Add ``cells`` (a struct of the declared columns), ``is_header`` and ``shape_fault``.

    A file whose first line is not a header is refused line by line, its first line included.
    """
    broadest = max((header.width for header in headers), default=1)
    # A column of its own, so that a line is parsed once and not once for each of its cells.
    parsed = f"if(width is not null and cells_at_most <= {MAX_CELLS}, {_parse(broadest, source)}, null) as _parsed"
    row = f"array({', '.join(name('_parsed', f'c{number}') for number in range(broadest))})"
    cells = ", ".join(f"{literal(column)}, get(_row, places[{n}])" for n, column in enumerate(_declared(source)))
    sep = f"{literal(source.format.delimiter)}, ''"
    fault = case(
        [
            ("width is null", _wrong_header(source)),
            ("is_ambiguous", "'ambiguous_header: the first line of the file names a column twice'"),
            (
                "(length(message) - length(replace(message, '\"', ''))) % 2 = 1",
                "'malformed_csv: a quoted cell does not end on its line'",
            ),
            # Spark's reader takes one for the end of the record, and what follows it would be lost unseen.
            ("contains(message, '\r')", "'malformed_csv: a carriage return stands within the line'"),
            (f"cells_at_most > {MAX_CELLS}", f"'malformed_csv: more than {MAX_CELLS} delimiters'"),
            ("_parsed._broken is not null", "'malformed_csv: not as many cells as the header has'"),
        ]
    )
    return (
        _with_header(messages, headers)
        .selectExpr("*", f"length(message) - length(replace(message, {sep})) + 1 as cells_at_most")
        .selectExpr("*", parsed)
        .selectExpr("*", f"{row} as _row")
        .selectExpr("*", f"named_struct({cells}) as cells", "line = 1 and width is not null as is_header")
        .selectExpr("*", f"{fault} as shape_fault")
    )


def _declared(source: Source) -> list[str]:
    return [*source.format.columns, *source.format.optional_columns]


def _with_header(messages: DataFrame, headers: Sequence[Header]) -> DataFrame:
    columns = [[h.text for h in headers], [h.width for h in headers], [h.places for h in headers],
               [h.is_ambiguous for h in headers]]  # fmt: skip
    known = messages.sparkSession.createDataFrame(pa.table(columns, schema=_HEADER))
    by_file = messages.where("line = 1").selectExpr("file", "landing", "message as header")
    by_file = by_file.dropDuplicates(["file", "landing"]).join(F.broadcast(known), "header")
    return messages.join(F.broadcast(by_file), ["file", "landing"], "left")


def _parse(broadest: int, source: Source) -> str:
    ddl = ", ".join(f"c{number} string" for number in range(broadest)) + ", _broken string"
    # RFC 4180: a quote within a quoted cell is written twice.
    options = ("mode", "PERMISSIVE", "columnNameOfCorruptRecord", "_broken", "sep", source.format.delimiter,
               "quote", '"', "escape", '"', "maxColumns", str(MAX_CELLS + 1 + broadest))  # fmt: skip
    # As many cells as its own header has, and only so many, come to the width of the broadest.
    filled = f"concat(message, repeat({literal(source.format.delimiter)}, {broadest} - width))"
    return f"from_csv({filled}, {literal(ddl)}, map({', '.join(map(literal, options))}))"


def _wrong_header(source: Source) -> str:
    columns = ", ".join(source.format.columns)
    most = source.limits.max_columns
    return literal(f"wrong_header: the first line of the file does not name the columns {columns}, or more than {most}")

"""CSV lines as cells: each file is read by its own header, so columns may come in any order, with others among them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.source import Source
from spark_jobs.silver.sql import NULL_TEXT, case, literal, name

MOST_HEADERS = 32
"""Different headers that one source may have at a time; each becomes a branch of the query plan."""


@dataclass(frozen=True)
class Header:
    """One header line, as text and as column names."""

    text: str
    columns: tuple[str, ...]

    def lacks(self, source: Source) -> list[str]:
        return [name for name in source.format.columns if name not in self.columns]


def headers_of(messages: DataFrame, source: Source) -> list[Header]:
    """The distinct first lines among the messages. Few: one for each form a file ever had."""
    first = messages.where("line = 1")
    for column in source.format.columns:  # first lines of files without a header are as many as there are files
        first = first.where(F.lower("message").contains(column))
    rows = first.groupBy("message").count().orderBy(F.desc("count"), "message").limit(MOST_HEADERS).collect()
    return [Header(row["message"], _cells(row["message"], source.format.delimiter)) for row in rows]


def _cells(line: str, delimiter: str) -> tuple[str, ...]:
    cells = next(csv.reader([line], delimiter=delimiter), [])
    return tuple(cell.strip().lower() for cell in cells)


def with_cells(messages: DataFrame, source: Source, headers: Sequence[Header]) -> DataFrame:
    """Add ``cells`` (a struct of the declared columns), ``is_header`` and ``shape_fault``.

    A file whose first line is not a header is refused line by line, its first line included.
    """
    good = [header for header in headers if not header.lacks(source)]
    wanted = [*source.format.columns, *source.format.optional_columns]
    known = case([(f"header = {literal(header.text)}", str(number)) for number, header in enumerate(good)])
    lined = _with_header(messages).selectExpr("*", f"cast({known} as int) as known")
    # One column a header, so that a line is parsed once and not once for each of its cells.
    parsed = [
        f"if(known = {number}, {_parse(header, source)}, null) as _parsed{number}" for number, header in enumerate(good)
    ]
    cells = [(f"known = {n}", _declared_cells(f"_parsed{n}", header, wanted)) for n, header in enumerate(good)]
    struct = ", ".join(f"{name(column)}: string" for column in (*wanted, "_broken"))
    fault = case(
        [
            ("known is null", _wrong_header(source)),
            (
                "(length(message) - length(replace(message, '\"', ''))) % 2 = 1",
                "'malformed_csv: a quoted cell does not end on its line'",
            ),
            ("cells._broken is not null", "'malformed_csv: not as many cells as the header has'"),
        ]
    )
    return (
        lined.selectExpr("*", *parsed)
        .selectExpr("*", f"cast({case(cells)} as struct<{struct}>) as cells")
        .selectExpr("*", "line = 1 and known is not null as is_header", f"{fault} as shape_fault")
    )


def _with_header(messages: DataFrame) -> DataFrame:
    by_file = messages.where("line = 1").selectExpr("file", "landing", "message as header")
    return messages.join(F.broadcast(by_file.dropDuplicates(["file", "landing"])), ["file", "landing"], "left")


def _parse(header: Header, source: Source) -> str:
    ddl = ", ".join(f"c{number} string" for number in range(len(header.columns))) + ", _broken string"
    # RFC 4180: a quote within a quoted cell is written twice.
    options = ("mode", "PERMISSIVE", "columnNameOfCorruptRecord", "_broken", "sep", source.format.delimiter,
               "quote", '"', "escape", '"')  # fmt: skip
    return f"from_csv(message, {literal(ddl)}, map({', '.join(map(literal, options))}))"


def _declared_cells(parsed: str, header: Header, wanted: Sequence[str]) -> str:
    """The declared columns in declared order; a name that the header has twice means its first."""
    at = {column: number for number, column in reversed(list(enumerate(header.columns)))}
    cells = [f"{parsed}.c{at[column]}" if column in at else NULL_TEXT for column in wanted]
    pairs = [f"{literal(column)}, {cell}" for column, cell in zip(wanted, cells, strict=True)]
    return f"named_struct({', '.join(pairs)}, '_broken', {parsed}._broken)"


def _wrong_header(source: Source) -> str:
    columns = ", ".join(source.format.columns)
    return literal(f"wrong_header: the first line of the file does not name the columns {columns}")

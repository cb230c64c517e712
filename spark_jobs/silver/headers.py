"""CSV lines as cells: each file is read by its own header, so columns may come in any order, with others among them."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.source import Source

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
    """The distinct first lines of a source's files. Few: one for each form a file ever had."""
    first = messages.where("line = 1").groupBy("message").count().orderBy(F.desc("count"), "message")
    rows = first.limit(MOST_HEADERS).collect()
    return [Header(row["message"], _cells(row["message"], source.format.delimiter)) for row in rows]


def _cells(line: str, delimiter: str) -> tuple[str, ...]:
    cells = next(csv.reader([line], delimiter=delimiter), [])
    return tuple(cell.strip().lower() for cell in cells)


def with_cells(messages: DataFrame, source: Source, headers: Sequence[Header]) -> DataFrame:
    """Add ``cells`` (a struct of the declared columns), ``is_header`` and ``shape_fault``.

    A file whose first line is not a header is refused line by line, its first line included.
    """
    good = [header for header in headers if not header.lacks(source)]
    lined = _with_header(messages, headers)
    known = F.when(F.lit(False), F.lit(None).cast("int"))
    for number, header in enumerate(good):
        known = known.when(F.col("header") == header.text, F.lit(number))
    lined = lined.withColumn("known", known)
    wanted = [*source.format.columns, *source.format.optional_columns]
    # One column a header, so that a line is parsed once and not once for each of its cells.
    parsed = {f"_parsed{n}": F.when(F.col("known") == n, _parse(header, source)) for n, header in enumerate(good)}
    lined = lined.withColumns(parsed) if parsed else lined
    cells = F.when(F.lit(False), F.lit(None).cast(_struct_type(wanted)))
    for number, header in enumerate(good):
        cells = cells.when(F.col("known") == number, _declared_cells(F.col(f"_parsed{number}"), header, wanted))
    quotes = F.length("message") - F.length(F.replace(F.col("message"), F.lit('"'), F.lit("")))
    fault = (
        F.when(F.col("known").isNull(), _wrong_header(source))
        .when(quotes % 2 == 1, F.lit("malformed_csv: a quoted cell does not end on its line"))
        .when(F.col("cells._broken").isNotNull(), F.lit("malformed_csv: not as many cells as the header has"))
    )
    return (
        lined.withColumn("cells", cells)
        .withColumns(
            {
                "is_header": (F.col("line") == 1) & F.col("known").isNotNull(),
                "shape_fault": fault,
            }
        )
        .drop("known", "header", *parsed)
    )


def _with_header(messages: DataFrame, headers: Sequence[Header]) -> DataFrame:
    if len(headers) == 1:
        return messages.withColumn("header", F.lit(headers[0].text))
    by_file = messages.where("line = 1").select("file", F.col("message").alias("header"))
    return messages.join(F.broadcast(by_file), "file", "left")


def _parse(header: Header, source: Source) -> Column:
    ddl = ", ".join(f"c{number} string" for number in range(len(header.columns))) + ", _broken string"
    return F.from_csv(
        F.col("message"),
        F.lit(ddl),
        {
            "mode": "PERMISSIVE",
            "columnNameOfCorruptRecord": "_broken",
            "sep": source.format.delimiter,
            "quote": '"',
            "escape": '"',  # RFC 4180: a quote within a quoted cell is written twice
        },
    )


def _declared_cells(parsed: Column, header: Header, wanted: Sequence[str]) -> Column:
    """The declared columns in declared order; a name that the header has twice means its first."""
    at = {name: number for number, name in reversed(list(enumerate(header.columns)))}
    cells = [(parsed[f"c{at[name]}"] if name in at else F.lit(None).cast("string")).alias(name) for name in wanted]
    return F.struct(*cells, parsed["_broken"].alias("_broken"))


def _struct_type(wanted: Sequence[str]) -> str:
    return "struct<" + ", ".join(f"{name}: string" for name in (*wanted, "_broken")) + ">"


def _wrong_header(source: Source) -> Column:
    return F.lit(f"wrong_header: the file's first line does not name the columns {', '.join(source.format.columns)}")

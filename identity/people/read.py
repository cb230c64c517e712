"""Reading files of people: every value as text, every line that is no row counted, with its number and reason."""

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa

from contracts.errors import DataError, UsageError

ENCODINGS = ("utf-8", "latin-1")


@dataclass(frozen=True)
class File:
    """A file as it was read.

    Attributes:
        path: Where it is.
        rows: Its rows, every column as text, in the order of the file.
        rejected: Lines that are no rows: line, reason.
        encoding: What it was written in.
    """

    path: Path
    rows: pa.Table
    rejected: pa.Table
    encoding: str = ENCODINGS[0]


def read_file(path: Path) -> File:
    """Read a CSV file (any usual delimiter, .gz too) or a Parquet file.

    Raises:
        UsageError: If there is no such file, it is a folder, or its name says neither CSV nor Parquet.
        DataError: If it cannot be read, or has no rows.
    """
    if path.is_dir():
        raise UsageError("this is a folder", str(path), "name the files in it, each with its own --input")
    if not path.is_file():
        raise UsageError("there is no such file", str(path), "give a CSV or Parquet file")
    kind = next((suffix for suffix in path.suffixes[::-1] if suffix not in (".gz", ".zst")), "").lower()
    if kind not in (".csv", ".tsv", ".parquet"):
        raise UsageError("the name says neither CSV nor Parquet", str(path), "name it .csv, .tsv or .parquet")
    file = _parquet(path) if kind == ".parquet" else _csv(path)
    if not file.rows.num_rows:
        raise DataError("the file has no rows", str(path), "give one with a header and at least one row")
    return file


def _parquet(path: Path) -> File:
    with duckdb.connect() as connection:
        try:
            rows = connection.sql(
                "SELECT COLUMNS(*)::VARCHAR FROM read_parquet(?)", params=[str(path)]
            ).to_arrow_table()
        except duckdb.Error as error:
            raise DataError("the file cannot be read as Parquet", str(path), "write it anew") from error
    return File(path, rows, _REJECTED.empty_table())


_REJECTED = pa.schema([("line", pa.int64()), ("reason", pa.string())])


def _csv(path: Path) -> File:
    for encoding in ENCODINGS:
        with duckdb.connect() as connection:
            try:
                rows = connection.sql(
                    "SELECT * FROM read_csv(?, all_varchar = true, header = true, store_rejects = true, encoding = ?, "
                    "normalize_names = false, null_padding = false)",
                    params=[str(path), encoding],
                ).to_arrow_table()
                rejected = connection.sql(
                    "SELECT line::BIGINT AS line, string_agg(DISTINCT lower(error_type::VARCHAR), ', ') AS reason "
                    "FROM reject_errors GROUP BY line ORDER BY line"
                ).to_arrow_table()
            except duckdb.Error as error:
                if "unicode" in str(error).lower() or "utf-8" in str(error).lower():
                    continue
                raise DataError("the file cannot be read as CSV", str(path), "give one with a header line") from error
        reasons = set(rejected["reason"].to_pylist())
        if encoding == ENCODINGS[0] and any("unicode" in reason or "encoding" in reason for reason in reasons):
            continue
        rows = rows.rename_columns([name.strip() for name in rows.column_names])
        return File(path, rows, rejected.cast(_REJECTED), encoding)
    raise DataError("the file is neither UTF-8 nor Latin-1 text", str(path), "convert it to UTF-8")

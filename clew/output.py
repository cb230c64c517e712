"""What commands print: results on stdout as table, CSV or JSON; everything else on stderr."""

import csv
import datetime
import decimal
import json
import os
import shutil
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from typing import Any

import typer

from contracts.errors import ClewError

ROWS_SHOWN = 200
"""A table on a screen ends here; CSV and JSON never do."""

Row = Sequence[Any]


class Format(StrEnum):
    """How rows are printed."""

    TABLE = "table"
    CSV = "csv"
    JSON = "json"


@contextmanager
def results() -> Iterator[None]:
    """Print within this; a reader who stops early (``| head``) is no error."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None


def note(text: str) -> None:
    """Say something that is not a result."""
    print("\n".join(map(printable, text.split("\n"))), file=sys.stderr)


def printable(text: str) -> str:
    """Text whose marks cannot move a terminal's cursor, recolour it, break its lines or turn their direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(repr(mark)[1:-1] if _controls(mark) else mark for mark in text)


def _controls(mark: str) -> bool:
    if unicodedata.category(mark) in ("Cc", "Cs", "Zl", "Zp"):
        return True
    return unicodedata.bidirectional(mark) in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")


def _json_text(value: Any, indent: int | None = None) -> str:
    """JSON that reads back the same, with escapes for what would control a terminal."""
    text = json.dumps(value, indent=indent, ensure_ascii=False, allow_nan=False)
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(f"\\u{ord(mark):04x}" if mark != "\n" and _controls(mark) else mark for mark in text)


def print_json(value: Any) -> None:
    """One JSON document, indented, dates as ISO 8601 in UTC."""
    print(_json_text(plain(value), indent=2))


def print_rows_json(head: dict[str, Any], columns: Sequence[str], rows: Iterable[Row]) -> None:
    """``head`` and then ``rows``, each row an object on its own line, without holding them all in memory."""
    opening = _json_text(plain(head), indent=2).removesuffix("\n}")
    print(f'{opening},\n  "rows": [', end="")
    names = distinct(columns)
    separator = "\n    "
    for row in rows:
        item = {name: plain(value) for name, value in zip(names, row, strict=True)}
        print(separator + _json_text(item), end="")
        separator = ",\n    "
    print("\n  ]\n}")


def print_csv(columns: Sequence[str], rows: Iterable[Row]) -> None:
    """RFC 4180 with a header line; NULL is an empty field, a nested value is JSON.

    A file or a program gets every value as it is; on a terminal, what would control it is shown as an escape.
    """
    shown = printable if sys.stdout.isatty() else str
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow([shown(column) for column in columns])
    for row in rows:
        writer.writerow([shown(_csv_cell(value)) for value in row])


def print_table(columns: Sequence[str], rows: Sequence[Row]) -> None:
    """Aligned columns, numbers to the right; on a terminal long cells are cut to fit."""
    cells = [[_cell(value) for value in row] for row in rows]
    right = [
        bool(rows) and all(row[index] is None or _is_number(row[index]) for row in rows)
        for index in range(len(columns))
    ]
    heads = [_cell(column) for column in columns]
    widths = [max([_width(heads[index]), *(_width(row[index]) for row in cells)]) for index in range(len(columns))]
    if sys.stdout.isatty():
        widths = _fitted(widths, shutil.get_terminal_size().columns - 2 * (len(widths) - 1))
    print(_line(heads, widths, right))
    print("  ".join("─" * width for width in widths))
    for row in cells:
        print(_line(row, widths, right))


def print_section(title: str, columns: Sequence[str], rows: Sequence[Row]) -> None:
    """A table under its title, after an empty line; ``none`` where it has no row."""
    print(f"\n{title}")
    if rows:
        print_table(columns, rows)
    else:
        print("none")


def print_error(error: ClewError, as_json: bool) -> None:
    """Say what, where and what to do on stderr; with ``--json`` the same as an object on stdout."""
    lines = [f"error: {error.what}"]
    if error.where:
        lines.append(f"  where: {error.where}")
    if error.do:
        lines.append(f"  do:    {error.do}")
    note("\n".join(lines))
    if as_json:
        told = {
            "class": type(error).__name__,
            "what": error.what,
            "where": error.where,
            "do": error.do,
            "exit_code": error.exit_code,
        }
        with results():
            print_json({"error": told})


def size_text(size: int) -> str:
    """Bytes for people: 1,234,567 is 1.2 MB."""
    value, unit = float(size), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if value < 1000 or unit == "TB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def time_text(moment: datetime.datetime | None) -> str:
    """A moment to the minute, in UTC."""
    return "" if moment is None else moment.astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M")


def plain(value: Any) -> Any:
    """A value as JSON knows it. A decimal beyond 15 digits becomes text, NaN and infinities become null."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value == value and abs(value) != float("inf") else None
        case decimal.Decimal():
            return float(value) if value.is_finite() and len(value.as_tuple().digits) <= 15 else str(value)
        case datetime.datetime():
            if value.tzinfo is None:
                return value.isoformat()
            return value.astimezone(datetime.UTC).replace(tzinfo=None).isoformat() + "Z"
        case datetime.date() | datetime.time():
            return value.isoformat()
        case bytes() | bytearray() | memoryview():
            return bytes(value).hex()
        case dict():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set():
            return [plain(item) for item in value]
        case _:
            return str(value)


def distinct(columns: Sequence[str]) -> list[str]:
    """SQL lets two columns have one name, a JSON object does not: the second ``a`` becomes ``a_2``."""
    seen: dict[str, int] = {}
    names = []
    for column in columns:
        seen[column] = seen.get(column, 0) + 1
        names.append(column if seen[column] == 1 else f"{column}_{seen[column]}")
    return names


def _csv_cell(value: Any) -> str:
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"  # 12.50 stays 12.50
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list) else str(value)


def _cell(value: Any) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return f"{value:,}"
        case float():
            return f"{value:,.6g}" if abs(value) < 1e6 else f"{value:,.2f}"
        case decimal.Decimal():
            return f"{value:,}"
        case datetime.datetime():
            return value.isoformat(sep=" ", timespec="seconds").replace("+00:00", "Z")
    return printable(_csv_cell(value))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | decimal.Decimal) and not isinstance(value, bool)


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    return sum(_mark_width(mark) for mark in text)


def _mark_width(mark: str) -> int:
    if unicodedata.combining(mark) or unicodedata.category(mark) == "Cf":
        return 0
    return 2 if unicodedata.east_asian_width(mark) in "WF" else 1


def _fitted(widths: list[int], room: int) -> list[int]:
    fitted = list(widths)
    while sum(fitted) > room and max(fitted) > 12:
        fitted[fitted.index(max(fitted))] -= 1
    return fitted


def _line(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, width, to_the_right in zip(cells, widths, right, strict=True):
        shown = _cut(cell, width)
        space = " " * (width - _width(shown))
        padded.append(space + shown if to_the_right else shown + space)
    return "  ".join(padded).rstrip()


def _cut(text: str, width: int) -> str:
    if _width(text) <= width:
        return text
    kept, used = "", 1
    for mark in text:
        used += _mark_width(mark)
        if used > width:
            break
        kept += mark
    return kept + "…"

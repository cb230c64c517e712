"""What a trace is asked for: a table and the values that name a row of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from clew.traced.conditions import quoted
from clew.traced.values import attributes
from contracts.errors import UsageError

if TYPE_CHECKING:
    from clew.traced.opened import Opened
    from contracts.lineage import Lineage, Node

_WHOLE = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_TIME = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True)
class Asked:
    """A row, or the rows that share what was given.

    Attributes:
        table: The table as it is in the lake.
        node: Its declaration.
        columns: The columns that were given.
        values: Their values, as text.
        column: The column whose value is asked for; None for all.
        also: Other tables, whose rows with the same values belong to it.
    """

    table: str
    node: "Node"
    columns: tuple[str, ...]
    values: list[str]
    column: str | None
    also: tuple[str, ...] = ()


def parse(lineage: "Lineage", table: str, given: Sequence[str], column: str | None) -> Asked:
    """Read what was written.

    Args:
        lineage: What is made of what.
        table: A table's name; ``gold.`` may be left out.
        given: The values of the key's columns, in their order, or ``column=value``.
        column: The column whose value is asked for.

    Raises:
        UsageError: If the table is not declared, is made of no other, or has no such column.
    """
    name = table if "." in table else f"gold.{table}"
    node = lineage.node(name)
    if node is None or name == "bronze.<source>":
        known = traceable(lineage)
        near = get_close_matches(name, known, n=3)
        raise UsageError(
            f"there is no table {table} to trace",
            do=f"did you mean {' or '.join(near)}?" if near else f"use one of: {', '.join(known)}",
        )
    if not node.made_of and not name.startswith("bronze."):
        raise UsageError(
            f"{name} is made of no other table's rows, so there is nothing behind a row of it",
            do=f"trace one of: {', '.join(traceable(lineage))}",
        )
    columns, values = _named(node, given)
    if column is not None and column not in node.columns:
        near = get_close_matches(column, node.columns, n=3)
        other = [mart.name for mart in lineage.nodes.values() if mart.key == node.key and column in attributes(mart)]
        do = f"did you mean {' or '.join(near)}?" if near else f"use one of: {', '.join(node.columns)}"
        raise UsageError(
            f"{name} has no column {column}", "--column", f"it is one of {', '.join(other)}" if other else do
        )
    if column is not None and column not in attributes(node):
        known = attributes(node)
        raise UsageError(
            f"{name}.{column} is no value that survived others: it is computed from all rows behind it",
            "--column",
            f"leave out --column, or use one of: {', '.join(known)}" if known else "leave out --column",
        )
    return Asked(name, node, tuple(columns), values, column)


def condition(opened: "Opened", asked: Asked) -> str:
    """The rows that are meant, as SQL with the given values as its parameters, each read as its column's type.

    Raises:
        UsageError: If a value cannot be read so.
    """
    types = opened.types(asked.table)
    parts = []
    for name, value in zip(asked.columns, asked.values, strict=True):
        read = f"TRY_CAST(? AS {'DECIMAL(38, 9)' if types[name] in _WHOLE else types[name]})"  # 1.5 is not rounded
        if opened.rows(f"SELECT {read} IS NULL AS is_wrong", [value])[0]["is_wrong"]:
            raise UsageError(
                f"what was given for {name} is no {asked.node.columns[name].type}", asked.table, see_some(asked)
            )
        to_second = types[name] == _TIME and "." not in value  # as a table on the terminal shows it
        held = f"date_trunc('second', {quoted(name)})" if to_second else quoted(name)
        parts.append(f"{held} = {read}")
    return " AND ".join(parts)


def see_some(asked: Asked) -> str:
    """The command that shows keys of the table that was asked for."""
    return f'see some: clew query "SELECT {", ".join(asked.node.key)} FROM {asked.table} LIMIT 10"'


def traceable(lineage: "Lineage") -> list[str]:
    """The tables that a trace can begin at, as they are in a lake."""
    bronze = [f"bronze.{source}" for source in sorted(lineage.contracts.sources)]
    return sorted(name for name, node in lineage.nodes.items() if node.made_of) + bronze


def _named(node: "Node", given: Sequence[str]) -> tuple[list[str], list[str]]:
    columns: list[str] = []
    values: list[str] = []
    waiting = list(node.key)
    for text in given:
        name, equals, value = text.partition("=")
        if equals and name in node.columns:
            waiting = [key for key in waiting if key != name]
        elif waiting:
            name, value = waiting.pop(0), text
        else:
            raise UsageError(
                f"{len(given)} values were given, but a row of {node.name} is named by {', '.join(node.key)}",
                do="give one value for each, or column=value",
            )
        columns.append(name)
        values.append(value)
    if not columns:
        raise UsageError(
            f"name the row by its {', '.join(node.key)}",
            do=f"clew trace {node.name} {' '.join(map(str.upper, node.key))}",
        )
    return columns, values

"""Rules that follow from a table's declaration: required columns, allowed values, one row a key."""

from contracts.table import Table
from expectations.rule import NotNull, OneOf, Rule, Unique

PERSONAL = frozenset({"contact", "demographic", "raw", "free_text"})
"""Privacy classes whose values a gate never names."""


def rules(table: Table, name: str | None = None) -> list[Rule]:
    """The rules of one declared table.

    Args:
        table: Its declaration.
        name: Its name, where one declaration serves several tables (bronze).
    """
    stands_on = name or table.name
    hidden = tuple(column for column in table.key if table.columns[column].privacy in PERSONAL)
    found: list[Rule] = [
        Unique(
            table=stands_on,
            name="one_row_per_key",
            says=f"{table.grain[0].upper()}{table.grain[1:]}: no two rows share {', '.join(table.key)}.",
            why="a key that occurs twice is counted twice, and a join over it multiplies rows",
            do=f"look at the rows named here, then at the step that writes them: {table.writer}",
            owner=table.owner,
            key=table.key,
            hidden=hidden,
        )
    ]
    for column, declared in table.columns.items():
        if declared.required or column in table.key:
            found.append(
                NotNull(
                    table=stands_on,
                    name=f"{column}_is_given",
                    says=f"Every row has {column} ({_lowered(declared.about)}).",
                    why="readers of the table rely on it; a missing value hides a failed join or a wrong mapping",
                    do=f"look at the rows named here, then at the step that writes them: {table.writer}",
                    owner=table.owner,
                    column=column,
                    key=table.key,
                    hidden=hidden,
                )
            )
        if declared.allowed:
            found.append(
                OneOf(
                    table=stands_on,
                    name=f"{column}_is_a_known_value",
                    says=f"{column} is one of: {', '.join(declared.allowed)}.",
                    why="a value nobody knows falls through every CASE of the marts",
                    do=f"mend {table.writer}, or declare the value under contracts/tables ({table.name})",
                    owner=table.owner,
                    column=column,
                    allowed=declared.allowed,
                    key=table.key,
                    hidden=hidden,
                )
            )
    return found


def _lowered(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:]

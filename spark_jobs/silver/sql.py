"""Pieces of Spark SQL text.

Contracts compile to SQL text and not to Column objects: a dictionary of thirty events is a hundred thousand calls
from Python to the JVM as Columns, and a few hundred as text (docs/adr/0003). Every name and text of a contract goes
through :func:`literal` or :func:`name`; nothing that a message holds is ever part of the text.
"""

from collections.abc import Iterable, Sequence


def literal(text: str) -> str:
    """A SQL string literal."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def name(*steps: str) -> str:
    """A column, or a field of a struct column."""
    return ".".join("`" + step.replace("`", "``") + "`" for step in steps)


def words(values: Iterable[str]) -> str:
    """A list for ``in (…)``."""
    return ", ".join(literal(value) for value in values)


def case(branches: Sequence[tuple[str, str]], otherwise: str = "null") -> str:
    """``case when … then … end``; without branches, what is otherwise."""
    if not branches:
        return otherwise
    return "case " + " ".join(f"when {when} then {then}" for when, then in branches) + f" else {otherwise} end"


def repeats(keys: str) -> str:
    """Whether an array of the keys of a JSON object has one twice.

    As a map Spark takes both, and many readers fail on it afterwards; as a struct it takes the last and drops the
    others unseen.
    """
    return f"coalesce(size(array_distinct({keys})) < size({keys}), false)"


def coalesce(parts: Sequence[str]) -> str:
    return parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})"

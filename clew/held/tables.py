"""Which tables hold rows about people, and by which column they are theirs: told from the declared columns alone."""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from contracts.lineage import event_columns

if TYPE_CHECKING:
    from contracts.lineage import Lineage, Node

Kind = Literal["profile", "record", "event"]
PERSONAL = frozenset({"pseudonymous", "contact", "demographic", "behavioural", "free_text", "raw"})
_NAMED: dict[Kind, re.Pattern[str]] = {
    "profile": re.compile(r"(^|_)profile(_id)?$"),
    "record": re.compile(r"(^|_)record(_id)?$"),
}
_FIRST: tuple[Kind, ...] = ("profile", "event", "record")
"""Where the key names nobody: a row is first of its profile, since a record may be of several people in turn."""

_OF_MANY = "figures of five people or more, from which none is told apart; the rows that they are of are told"
ELSEWHERE = {
    "bronze.<source>": "raw lines are told message by message, as silver counts them: a line may be of several people",
    "silver.quarantine": "refused messages name nobody reliably; those that hold this person's identifiers are told",
    "ops.audit": "acts are told where they name this person's ids; the actor is who worked with the data",
    "ops.erased": "keyed hashes of people who were erased, from which nobody who is in the lake can be told",
    "ops.erasures": "why and by whom people were erased, naming none; the acts are in the audit",
    "gold.bottlenecks": _OF_MANY,
    "gold.journey_paths": _OF_MANY,
    "gold.leading_indicators": _OF_MANY,
    "gold.metric_groups": _OF_MANY,
    "ops.check_results": "names keys of some rows that broke a rule, for the time of ops; the rows themselves are told",
}
"""Tables with personal columns that are no rows of one person, and how they are told instead."""


@dataclass(frozen=True)
class PersonTable:
    """A table with rows about people.

    Attributes:
        node: Its declaration.
        kind: What its rows are found by.
        columns: The columns of that kind, any of which may name the person.
        names: Every column that names a profile or a record, and so may name another person.
    """

    node: "Node"
    kind: Kind
    columns: tuple[str, ...]
    names: tuple[str, ...]


def person_tables(lineage: "Lineage") -> dict[str, PersonTable]:
    """The tables whose rows are about people, by name."""
    found = {}
    for name, node in lineage.nodes.items():
        if name in ELSEWHERE:
            continue
        columns = {kind: _of_kind(kind, tuple(node.columns)) for kind in _FIRST}
        kinds = [kind for kind in _FIRST if _of_kind(kind, node.key)] or [kind for kind in _FIRST if columns[kind]]
        if kinds:
            names = tuple(dict.fromkeys((*columns["profile"], *columns["record"])))
            found[name] = PersonTable(node, kinds[0], columns[kinds[0]], names)
    return found


def unaccounted(lineage: "Lineage") -> list[str]:
    """Tables with a column about people of which nothing says how their rows are told."""
    known = {*person_tables(lineage), *ELSEWHERE}
    return [
        name
        for name, node in lineage.nodes.items()
        if name not in known and any(column.privacy in PERSONAL for column in node.columns.values())
    ]


def _of_kind(kind: Kind, columns: tuple[str, ...]) -> tuple[str, ...]:
    if kind == "event":
        return tuple(event_columns(columns))
    return tuple(name for name in columns if _NAMED[kind].search(name))

"""Which record's value of an attribute survived, and from which message: for columns that have a source and a time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clew.traced.conditions import carried, quoted
from clew.traced.opened import OWN
from contracts.lineage import PERSON, STAGING

if TYPE_CHECKING:
    from clew.traced.opened import Opened
    from contracts.lineage import Node

_TOLD = "silver.customer_records"
TABLES = ("silver.events", _TOLD, "silver.identifiers", "identity.identifiers", "identity.assignments")
"""What is read to find where a value came from."""
_MESSAGE = "e.event_id, e.record_id, e.source, e.position, e.part"


@dataclass(frozen=True)
class Origin:
    """Where a value came from.

    Attributes:
        column: The attribute.
        value: The value that survived.
        source: The source whose value it is.
        at: When that said so last.
        messages: The messages that said so then: event_id, record_id, source, position, part, and ``given``, the value
            as it was sent.
    """

    column: str
    value: Any
    source: str
    at: Any
    messages: tuple[dict[str, Any], ...]


def attributes(node: "Node") -> list[str]:
    """The columns of a mart that hold a value that survived others: each has its source and its time beside it."""
    return [name for name in node.columns if {f"{name}_source", f"{name}_at"} <= set(node.columns)]


def value_origins(opened: "Opened", row: dict[str, Any], columns: Sequence[str]) -> list[Origin]:
    """Where the values of a profile's attributes came from; those that are empty are left out.

    Args:
        opened: What is read.
        row: A row of a mart that has a profile_id, and beside each attribute its source and its time.
        columns: The attributes.
    """
    held = [name for name in columns if row.get(name) is not None and row.get(f"{name}_source") is not None]
    if not held:
        return []
    _own_tables(opened, row[PERSON])
    told = _columns_told(opened)
    found = []
    for name in held:
        value, source, at = str(row[name]), row[f"{name}_source"], row[f"{name}_at"]
        if name in told:
            messages = _told(opened, told[name], name, value, source, at)
        else:
            messages = _identified(opened, name, value, source, at)
        found.append(Origin(name, row[name], source, at, tuple(messages)))
    return found


def _own_tables(opened: "Opened", profile_id: str) -> None:
    """The person's own rows, so that each table is looked through once."""
    for name, table in (("own_events", "silver.events"), ("own_identifiers", "identity.identifiers")):
        opened.run(
            f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT * FROM {table} SEMI JOIN
                (SELECT record_id FROM identity.assignments WHERE profile_id = ?) AS a USING (record_id)""",
            [profile_id],
        )


def _columns_told(opened: "Opened") -> dict[str, str]:
    """By each column that shows what people are told to be: the staging view that has it."""
    models = [model.name for model in opened.lineage.models.values() if model.sources == (_TOLD,) and not model.refs]
    views = [opened.view(STAGING + model) for model in models]
    return {name: view for view in views for name in opened.columns(view) if not name.startswith(OWN)}


def _told(opened: "Opened", view: str, name: str, value: str, source: str, at: Any) -> list[dict[str, Any]]:
    column = f"CAST(v.{quoted(name)} AS VARCHAR)"
    return opened.rows(
        f"""SELECT {_MESSAGE}, {column} AS given FROM {view} AS v
            JOIN own_events AS e ON e.event_id = v.{quoted(OWN + "event_id")}
            WHERE {column} = ? AND e.source = ? AND e.occurred_at = ? ORDER BY e.event_id""",
        [value, source, at],
    )


def _identified(opened: "Opened", name: str, value: str, source: str, at: Any) -> list[dict[str, Any]]:
    """The messages with an identifier in any spelling that has the standard form of the value, its tag aside."""
    return opened.rows(
        f"""WITH spelled AS (
                SELECT record_id, identifier, raw_value FROM own_identifiers
                WHERE identifier = $name
                  AND value IN ($value, lower($value), regexp_replace(lower($value), '[+][^@]*@', '@'))
            ), sent AS (
                SELECT DISTINCT s.record_id, s.identifier, s.source, s.value FROM silver.identifiers AS s
                JOIN spelled AS i ON i.record_id = s.record_id AND i.identifier = s.identifier AND i.raw_value = s.value
            )
            SELECT DISTINCT {_MESSAGE}, it.value AS given FROM own_events AS of
            JOIN sent AS it ON it.record_id = of.record_id AND it.source = of.source
            JOIN own_events AS e ON e.event_id = of.event_id
            WHERE of.source = $source AND of.occurred_at = $at
              AND ({carried(opened.lineage.contracts.sources.values())})
            ORDER BY e.event_id""",
        {"name": name, "value": value, "source": source, "at": at},
    )

"""From a row of any table, or of an export, back to the raw lines behind it."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from clew.traced.asked import Asked, condition, see_some
from clew.traced.lines import files_of, places
from clew.traced.opened import Opened, open_lineage, sources_of
from clew.traced.values import TABLES, attributes, value_origins
from clew.traced.walk import Found, Walk
from contracts.errors import DataError
from contracts.lineage import ASSIGNMENTS
from identity.evidence import edges_where
from identity.paths import shortest_path

if TYPE_CHECKING:
    from contracts.lineage import Lineage, Node

HIDDEN = frozenset({"contact", "demographic", "free_text", "raw"})
"""The classes of columns whose values are shown only where raw lines are asked for."""
LINKS_SHOWN = 20
"""Of the records whose rows these are, so many are told with the links that join them to their person."""


def trace_back(lineage: "Lineage", asked: Asked, release: str, limit: int, raw: bool) -> dict[str, Any]:
    """Follow a row back.

    Args:
        lineage: What is made of what.
        asked: The row.
        release: The release whose tables are read.
        limit: How many rows of each table, and lines of each file, are told.
        raw: Tell the raw lines' text and the values of personal columns too.

    Returns:
        What ``clew trace --json`` prints.

    Raises:
        DataError: If there is no such row.
        UsageError: If the release or the column is none.
    """
    opened = open_lineage(release, lineage, sources_of(lineage, _behind(lineage, (asked.table, *asked.also))))
    opened.require([asked.table, *asked.also, *(TABLES if asked.column else ())])
    walk = Walk(opened)
    if not opened.has(asked.table):
        raise DataError(f"there is no table {asked.table} yet", opened.reading.name, "make it: clew run")
    rows = walk.start(asked.table, condition(opened, asked), asked.values)
    if not rows:
        raise DataError(
            f"{asked.table} has no row with this {' and '.join(asked.columns)}", opened.reading.name, see_some(asked)
        )
    own = opened.rows(f"SELECT * FROM {walk.found[asked.table].kept} LIMIT 1")[0] if rows == 1 else None
    values = _values(opened, asked, own, raw) if own is not None else []
    for table in asked.also:
        if opened.has(table) and walk.start(table, condition(opened, asked), asked.values) == 1:
            row = opened.rows(f"SELECT * FROM {walk.found[table].kept}")[0]
            values += _values(opened, replace(asked, table=table, node=lineage.nodes[table]), row, raw)
    if asked.column is None:
        walk.back()
    else:
        _only_behind(walk, asked, values)
    return {
        "table": asked.table,
        "key": dict(zip(asked.columns, asked.values, strict=True)),
        "release": opened.reading.release or "live",
        "as_of": opened.reading.as_of,
        "rows": rows,
        "closed": list(opened.closed),
        "values": values,
        "tables": [_table(opened, found, limit, raw) for found in walk.found.values()],
        "whose": _links(opened, walk.found.get(ASSIGNMENTS)),
        "files": [
            file
            for name in sorted(walk.found)
            if name.startswith("bronze.")
            for file in files_of(opened, walk.found[name].kept, limit, name.removeprefix("bronze."))
        ],
        "lines": _lines(opened, walk, limit, raw),
    }


def _only_behind(walk: Walk, asked: Asked, values: list[dict[str, Any]]) -> None:
    """Follow the messages of a value only, and whose they are."""
    messages = [message for value in values for message in value["messages"]]
    walk.start("silver.events", "list_contains(?, event_id)", [[message["event_id"] for message in messages]])
    walk.start(ASSIGNMENTS, "list_contains(?, record_id)", [[message["record_id"] for message in messages]])
    for name in ("silver.events", ASSIGNMENTS):
        if name in walk.found:
            walk.found[name].through = [asked.table]
            walk.found[name].is_evidence = name == ASSIGNMENTS
    walk.back(but=(asked.table, *asked.also))


def _behind(lineage: "Lineage", tables: tuple[str, ...]) -> set[str]:
    """Every table that a trace from these may read: what they, and the tables that tell of values, are made of."""
    waiting = [*tables, *TABLES]
    visited: set[str] = set()
    while waiting:
        table = waiting.pop()
        if table not in visited and (node := lineage.node(table)) is not None:
            visited.add(table)
            waiting += lineage.parents(node.name)
    return visited


def _values(opened: Opened, asked: Asked, row: dict[str, Any], raw: bool) -> list[dict[str, Any]]:
    """Where the values of attributes came from: of the column that was asked for, or of all."""
    if not all(opened.has(table) for table in TABLES):
        return []
    known = attributes(asked.node)
    wanted = known if asked.column is None else [name for name in known if name == asked.column]
    found = []
    for origin in value_origins(opened, row, wanted):
        told = [
            {
                "record_id": message["record_id"],
                "event_id": message["event_id"],
                **place,
                **({"given": message["given"]} if raw else {}),
            }
            for message in origin.messages
            for place in places(opened, [message], raw)
        ]
        value = {"value": origin.value} if raw else {}
        found.append({"column": origin.column, **value, "source": origin.source, "at": origin.at, "messages": told})
    return found


def _table(opened: Opened, found: Found, limit: int, raw: bool) -> dict[str, Any]:
    node = opened.lineage.node(found.table)
    assert node is not None  # noqa: S101 - only declared tables are followed
    names = ", ".join(f'"{name}"' for name in node.key)
    keys = opened.rows(f"SELECT {names} FROM {found.kept} ORDER BY ALL LIMIT {limit:d}")
    return {
        "table": found.table,
        "rows": found.rows,
        "through": found.through,
        "is_evidence": found.is_evidence,
        "keys": [{name: shown(node, name, value, raw) for name, value in key.items()} for key in keys],
    }


def shown(node: "Node", column: str, value: Any, raw: bool) -> Any:
    """A value as it may be shown: personal ones only where raw lines are asked for."""
    return value if raw or value is None or node.columns[column].privacy not in HIDDEN else "…"


def _links(opened: Opened, assigned: Found | None) -> list[dict[str, Any]]:
    """Whose the rows are: their records, and the links that join each to the founder of its profile."""
    if assigned is None or not opened.has("identity.edges"):
        return []
    rows = opened.rows(
        f"""SELECT record_id, profile_id, kind, probability, founder_record_id FROM {assigned.kept}
            ORDER BY profile_id, record_id LIMIT {LINKS_SHOWN}"""
    )
    edges = {
        profile: edges_where(
            opened.reading.connection, "state = 'linked' AND l.profile_id = $p AND r.profile_id = $p", p=profile
        )
        for profile in {row["profile_id"] for row in rows}
    }
    return [
        row
        | {
            "links": [
                {
                    "left_record": edge.left_record,
                    "right_record": edge.right_record,
                    "kind": edge.kind,
                    "rule": edge.rule,
                    "match_weight": edge.match_weight,
                    "probability": edge.probability,
                    "version": edge.model_version,
                    "since": edge.since,
                    "evidence": edge.evidence,
                }
                for edge in shortest_path(edges[row["profile_id"]], row["record_id"], row["founder_record_id"])
            ]
        }
        for row in rows
    ]


def _lines(opened: Opened, walk: Walk, limit: int, raw: bool) -> list[dict[str, Any]]:
    """Some raw lines, first those that landed first; a line of which silver has several messages once for each."""
    found: list[dict[str, Any]] = []
    for name in sorted(walk.found):
        if not name.startswith("bronze."):
            continue
        kept, source = walk.found[name].kept, name.removeprefix("bronze.")
        messages = opened.rows(
            f"""SELECT $source AS source, position, coalesce(m.part, 0) AS part, m.part IS NULL AS is_whole, m.refused
                FROM {kept} LEFT JOIN ({_messages_found(walk)}) AS m USING (position)
                ORDER BY position, m.part LIMIT {limit:d}""",
            {"source": source},
        )
        found += places(opened, messages, raw)
    return found


def _messages_found(walk: Walk) -> str:
    """The messages of a source that were reached, as SQL; of those that silver refused, what it refused."""
    reached = ["SELECT NULL::BIGINT AS position, NULL::INT AS part, NULL::VARCHAR AS refused WHERE false"]
    for table, refused in (("silver.events", "NULL"), ("silver.duplicates", "NULL"), ("silver.quarantine", "payload")):
        if table in walk.found:
            kept = walk.found[table].kept
            reached.append(f"SELECT position, part, {refused} FROM {kept} WHERE source = $source")
    return " UNION ".join(reached)

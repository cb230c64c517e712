"""Tombstones: the messages that stand in bronze in the place of erased ones, so that every line keeps its number.

A tombstone is known by its whole text, which holds a keyed hash and is kept in ops.erasures: what a sender makes up
in its likeness is a message like any other.
"""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lakehouse.pseudonym import keyed_hash

if TYPE_CHECKING:
    from lakehouse.lake import Lake

ERASURES = "ops.erasures"
KEY = "clew_erased"
BEGINNING = '{"' + KEY + '":'
_DIGITS = 16

READY = f"CREATE VIEW IF NOT EXISTS {ERASURES} AS SELECT NULL::VARCHAR AS tombstone WHERE false"
"""SQL of DuckDB, for a lake of an earlier version: nobody was ever erased there."""
MARKS = f"(SELECT coalesce(list(tombstone), []::VARCHAR[]) AS marks FROM {ERASURES})"
"""SQL of DuckDB: one row, with the texts of all tombstones."""


def tombstone(key: bytes, erasure: int) -> str:
    """The text of an erasure's tombstones."""
    made = f"{erasure}-{keyed_hash(key, 'tombstone', str(erasure))[:_DIGITS]}"
    return json.dumps({KEY: made}, separators=(",", ":"))


def tombstones(lake: "Lake") -> list[str]:
    """The texts of all tombstones there may be."""
    if not lake.exists(ERASURES):
        return []
    return sorted(lake.arrow(ERASURES, columns=["tombstone"])["tombstone"].to_pylist())


def erased_parts(source: str, is_csv: bool) -> str:
    """SQL of DuckDB: source, position, part and landing of every tombstone in a source's bronze table.

    Args:
        source: A declared source.
        is_csv: Whether a line is one message, whatever it holds.
    """
    text = "ltrim(rtrim(payload, chr(13)), chr(65279))"
    parts = "[0]"
    if not is_csv:
        messages = f"""CASE json_type({text}) WHEN 'ARRAY' THEN json_extract({text}, '$[*]')
                       WHEN 'OBJECT' THEN json_extract({text}, '$.batch[*]') ELSE [] END"""
        is_mark = f"list_contains(marks, ({messages})[n + 1]::VARCHAR)"
        found = f"list_filter(generate_series(0, len({messages}) - 1), lambda n: {is_mark})"
        parts = f"CASE WHEN list_contains(marks, {text}) THEN [0] WHEN json_valid({text}) THEN {found} ELSE [] END"
    where = f"starts_with(payload, '{BEGINNING}')" if is_csv else f"contains(payload, '{BEGINNING}')"
    only = f"AND list_contains(marks, {text})" if is_csv else ""
    return (
        f"SELECT '{source}' AS source, position, unnest({parts})::INT AS part, landing "
        f"FROM bronze.{source}, {MARKS} WHERE {where} {only}"
    )


def all_erased_parts(sources: Sequence[str], csv: Sequence[str]) -> str:
    """The same over several sources, of which ``csv`` land as CSV."""
    return " UNION ALL ".join(erased_parts(source, source in csv) for source in sources)

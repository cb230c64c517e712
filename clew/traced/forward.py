"""From a landing file, a line of it or a message, forward to every place where it had an effect."""

import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

from clew.traced.back import shown
from clew.traced.conditions import quoted
from clew.traced.effects import Effects
from clew.traced.opened import Opened, open_lineage, sources_of
from clew.traced.walk import Walk
from contracts.errors import DataError
from contracts.lineage import ASSIGNMENTS

if TYPE_CHECKING:
    from contracts.lineage import Lineage
    from lakehouse.lake import Lake

FATES = {"silver.events": "kept", "silver.duplicates": "duplicate", "silver.quarantine": "quarantined"}
"""What becomes of a message, by the table that says so."""
_LINE = re.compile("[0-9]{1,9}")


def trace_forward(lineage: "Lineage", lake: "Lake", of: str, release: str, limit: int) -> dict[str, Any]:
    """Follow a file or a message forward.

    Args:
        lineage: What is made of what.
        lake: The lake whose exports are looked through.
        of: A file as landed (``web/2017-12-30.jsonl``), a line of it (``web/2017-12-30.jsonl:12``), or ``source:id``.
        release: The release whose tables are read.
        limit: How many rows of each table are told.

    Returns:
        What ``clew trace --forward --json`` prints.

    Raises:
        DataError: If nothing of that name has landed.
    """
    opened = open_lineage(release, lineage, sources_of(lineage, lineage.nodes))
    opened.require([f"bronze.{of.replace(':', '/').split('/')[0]}"])
    walk = Walk(opened)
    lines = _start_file(walk, of) or _start_message(walk, of)
    if not lines:
        raise _unknown(opened, of)
    walk.onwards()
    profiles, every_id = _profiles(opened, walk)
    effects, others = Effects(opened, lake, walk, every_id, min(line["landed_at"] for line in lines)).told()
    return {
        "of": of,
        "release": opened.reading.release or "live",
        "as_of": opened.reading.as_of,
        "closed": list(opened.closed),
        "lines": lines,
        "fates": _fates(opened, walk, lines),
        "tables": [
            {
                "table": found.table,
                "rows": found.rows,
                "through": found.through,
                "keys": _keys(opened, found.table, found.kept, limit),
            }
            for found in walk.found.values()
            if not found.table.startswith("bronze.")
        ],
        "profiles": profiles[:limit],
        "more_profiles": max(len(profiles) - limit, 0),
        "exports": [_export(made, limit) | {"is_certain": made["is_certain"]} for made in effects],
        "other_exports": [_export(made, limit) for made in others],
    }


def _export(made: dict[str, Any], limit: int) -> dict[str, Any]:
    return {
        "destination": made["destination"],
        "release": made["release"],
        "kind": made["kind"],
        "rows": len(made["rows"]),
        "profile_ids": [row["profile_id"] for row in made["rows"]][:limit],
    }


def _start_file(walk: Walk, of: str) -> list[dict[str, Any]]:
    """Begin at the lines of a file, all or one."""
    source, slash, _ = of.partition("/")
    if not slash or not walk.opened.has(f"bronze.{source}"):
        return []
    table, where, values = f"bronze.{source}", "file = ?", [of]
    file, colon, line = of.rpartition(":")
    known = walk.opened.rows(f"SELECT 1 FROM {quoted(table)} WHERE file = ? LIMIT 1", [of])
    if not known and colon and _LINE.fullmatch(line):
        where, values = "file = ? AND line = ?", [file, line]
    if not walk.start(table, where, list(values)):
        return []
    return _lines(walk.opened, source, walk.found[table].kept)


def _start_message(walk: Walk, of: str) -> list[dict[str, Any]]:
    """Begin at what silver made of a message; of a line that holds several, the others are not meant."""
    source, colon, message_id = of.partition(":")
    if not colon or not walk.opened.has(f"bronze.{source}"):
        return []
    for table in FATES:
        named = ("source = ? AND message_id = ?", [source, message_id])
        where, values = named if table == "silver.quarantine" else ("event_id = ?", [of])
        if walk.opened.has(table):
            walk.start(table, where, list(values))
    kept = [found.kept for found in walk.found.values()]
    if not kept:
        return []
    positions = " UNION ".join(f"SELECT position FROM {table}" for table in kept)
    lines = f"(SELECT * FROM {quoted(f'bronze.{source}')} SEMI JOIN ({positions}) USING (position))"
    return _lines(walk.opened, source, lines)


def _lines(opened: Opened, source: str, lines: str) -> list[dict[str, Any]]:
    """The landed lines, a row for each file and landing."""
    rows = opened.rows(
        f"""SELECT file, landing, min(landed_at) AS landed_at, min(run_id) AS run_id, count(*) AS lines,
                   min(line) AS first_line, max(line) AS last_line
            FROM {lines} AS b GROUP BY file, landing ORDER BY landing, file"""
    )
    return [{"source": source, **row} for row in rows]


def _fates(opened: Opened, walk: Walk, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What became of the messages; lines of which silver says nothing are told too."""
    found = [{"fate": fate, "messages": walk.found[table].rows} for table, fate in FATES.items() if table in walk.found]
    started = [name for name in walk.found if name.startswith("bronze.")]
    for name in started:
        told = [walk.found[table].kept for table in FATES if table in walk.found]
        without = " ".join(f"ANTI JOIN {kept} USING (position)" for kept in told)
        left = opened.rows(f"SELECT line FROM {walk.found[name].kept} {without}")
        source = opened.lineage.contracts.sources[lines[0]["source"]]
        headers = sum(row["line"] == 1 for row in left) if source.format.type == "csv" else 0
        found += [{"fate": "header", "messages": headers}] if headers else []
        if len(left) > headers:
            found.append({"fate": "not conformed yet, or erased", "messages": len(left) - headers})
    return found


def _keys(opened: Opened, table: str, kept: str, limit: int) -> list[dict[str, Any]]:
    node = opened.lineage.node(table)
    assert node is not None  # noqa: S101 - only declared tables are followed
    names = ", ".join(f'"{name}"' for name in node.key)
    rows = opened.rows(f"SELECT {names} FROM {kept} ORDER BY ALL LIMIT {limit:d}")
    return [{name: shown(node, name, value, False) for name, value in row.items()} for row in rows]


def _profiles(opened: Opened, walk: Walk) -> tuple[list[str], list[str]]:
    """The profiles that have a record which was spoken of, and every id that was theirs once."""
    if ASSIGNMENTS not in walk.found:
        return [], []
    ids = opened.rows(f"SELECT DISTINCT profile_id FROM {walk.found[ASSIGNMENTS].kept} ORDER BY profile_id")
    profiles = [row["profile_id"] for row in ids]
    own = opened.rows(
        f"SELECT DISTINCT own_profile_id FROM {ASSIGNMENTS} WHERE list_contains(?, profile_id)", [profiles]
    )
    return profiles, sorted({*profiles, *(row["own_profile_id"] for row in own)})


def _unknown(opened: Opened, of: str) -> DataError:
    source = of.replace(":", "/").split("/")[0]
    if not opened.has(f"bronze.{source}"):
        known = ", ".join(sorted(opened.lineage.contracts.sources))
        do = f"begin with a source: {known}"
        return DataError("no file and no message of this name has landed", opened.reading.name, do)
    files = [row["file"] for row in opened.rows(f"SELECT DISTINCT file FROM {quoted(f'bronze.{source}')}")]
    file, _, line = of.rpartition(":")
    if file in files and line.isdecimal():
        return DataError(f"{file} has no line {line}", opened.reading.name, "lines are counted from 1")
    near = get_close_matches(of, files, n=3) or sorted(files)[-3:]
    return DataError(
        f"no file and no message of this name has landed from {source}",
        opened.reading.name,
        f"a file is named as under landing/: {', '.join(near)}; a message as {source}:its messageId",
    )

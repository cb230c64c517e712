"""Raw lines in bronze: where they lie, and of a line that holds several messages the one that is meant."""

import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from clew.traced.conditions import quoted

if TYPE_CHECKING:
    from clew.traced.opened import Opened

_PLACE = "file, line, position, landing"
_HOLDS = "payload, undecoded"


def message_text(payload: str | None, part: int) -> str | None:
    """The message of a line that is meant: of a batch or a list the one at ``part``, else the whole line.

    A line that is no JSON is one message. ``part`` is as silver counts it, from 0.
    """
    if payload is None:
        return None
    line = payload.removeprefix("\ufeff").removesuffix("\r")
    if line.lstrip()[:1] not in ("{", "["):
        return line
    try:
        read = json.loads(line)
    except (ValueError, RecursionError):
        return line
    several = read.get("batch") if isinstance(read, dict) else read
    if not isinstance(several, list) or not several:
        return line
    if part >= len(several):
        return None
    return json.dumps(several[part], ensure_ascii=False)


def is_shared(payload: str | None) -> bool:
    """Whether a line holds several messages, which may be of several people."""
    return payload is not None and message_text(payload, 1) != message_text(payload, 0)


def places(opened: "Opened", messages: Iterable[Mapping[str, Any]], raw: bool = False) -> list[dict[str, Any]]:
    """Where messages lie.

    Args:
        opened: What is read.
        messages: With source, position and part; ``is_whole`` where the whole line is meant, ``refused`` where silver
            refused that text: of a line that it did not unpack, all of it.
        raw: With the text of each message.

    Returns:
        source, part, file, line, position, landing, and with ``raw`` payload; a line that bronze has no more is left
        out.
    """
    by_source: dict[str, dict[tuple[int, int], Mapping[str, Any]]] = {}
    for message in messages:
        by_source.setdefault(message["source"], {})[message["position"], message["part"]] = message
    found = []
    for source, asked in sorted(by_source.items()):
        if not opened.has(f"bronze.{source}"):
            continue
        positions = sorted({position for position, _ in asked})
        rows = opened.rows(
            f"""SELECT {_PLACE}{f", {_HOLDS}" if raw else ""} FROM {quoted(f"bronze.{source}")}
                SEMI JOIN (SELECT unnest(?::BIGINT[]) AS position) USING (position)""",
            [positions],
        )
        at = {row["position"]: row for row in rows}
        for (position, part), message in sorted(asked.items(), key=lambda item: item[0]):
            if position not in at:
                continue
            place = {"source": source, "part": part, **{name: at[position][name] for name in _PLACE.split(", ")}}
            found.append(place | ({"payload": _text(at[position], message)} if raw else {}))
    return found


def _text(row: Mapping[str, Any], message: Mapping[str, Any]) -> str | None:
    """The message that is meant, of its line in bronze."""
    if (refused := message.get("refused")) is not None:
        return str(refused)
    line = row["payload"] if row["undecoded"] is None else repr(bytes(row["undecoded"]))
    return line if message.get("is_whole") else message_text(line, message["part"])


def files_of(opened: "Opened", kept: str, limit: int, source: str) -> list[dict[str, Any]]:
    """The files in which the lines of a temporary table lie, each with the numbers of some of its lines.

    Args:
        opened: What is read.
        kept: The temporary table, rows of bronze.
        limit: How many line numbers of a file are told.
        source: Whose lines they are.
    """
    rows = opened.rows(
        f"""SELECT file, count(*) AS lines, min(landing) AS landing, list(line ORDER BY line)[1:{limit:d}] AS numbers
            FROM {kept} GROUP BY file ORDER BY file"""
    )
    return [{"source": source, **row} for row in rows]

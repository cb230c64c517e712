"""Bury: put tombstones in the place of messages, in landing/ first and then in bronze, and purge what bronze was.

Idempotence key: the line. One that holds the tombstone already is left, so a burial that died is simply done again.
The text of a line is needed to find it in landing/, hence the order.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pyarrow as pa

from lakehouse.purge import Purged, purge
from spark_jobs.privacy.landing import redact_files
from spark_jobs.privacy.lines import redacted

if TYPE_CHECKING:
    from lakehouse.lake import Lake

TABLE_ROWS = pa.schema([("position", pa.int64()), ("text", pa.string())])


@dataclass(frozen=True)
class Grave:
    """Messages of one line that go.

    Attributes:
        source: The source.
        position: The line's position.
        parts: Which messages, from 0.
        messages: How many the line holds.
    """

    source: str
    position: int
    parts: tuple[int, ...]
    messages: int


@dataclass
class Buried:
    """What was done, by bronze table or over all."""

    lines: dict[str, int] = field(default_factory=dict)
    purged: list[Purged] = field(default_factory=list)
    landing_files: int = 0
    landing_lines: int = 0


def bury(lake: "Lake", graves: Iterable[Grave], mark: str, values: Iterable[str] = ()) -> Buried:
    """Replace messages by tombstones wherever their lines lie.

    The caller keeps ``land`` and ``conform`` away.

    Args:
        lake: The lake.
        graves: The messages, by line.
        mark: The tombstone.
        values: By these, lines of files are known that were set aside as unreadable and never landed.

    Raises:
        DataError: If the messages of a line cannot be told apart.
    """
    by_source: dict[str, list[Grave]] = {}
    for grave in graves:
        by_source.setdefault(grave.source, []).append(grave)
    done = Buried()
    told = [value.encode() for value in values]
    for source in sorted({*lake.contracts.sources, *by_source} if told else by_source):
        its = by_source.get(source, [])
        table = f"bronze.{source}"
        changed, instead = _replaced(lake, source, its, mark)
        found = redact_files(lake.settings.landing / source, instead, told, mark.encode())
        done.landing_files += found.files
        done.landing_lines += found.lines
        if not its:
            continue
        if changed.num_rows:
            replace_lines(lake, table, changed)
        done.lines[table] = changed.num_rows
        done.purged.append(purge(lake, table))
    return done


def replace_lines(lake: "Lake", table: str, changed: pa.Table) -> None:
    """Give lines of a bronze table another text, and no bytes beside it; only files that hold them are rewritten.

    Args:
        lake: The lake.
        table: The bronze table.
        changed: position and text.
    """
    (
        lake.delta(table)
        .merge(changed, "t.position = s.position", source_alias="s", target_alias="t")
        .when_matched_update({"payload": "s.text", "undecoded": "NULL"})
        .execute()
    )


def _replaced(lake: "Lake", source: str, graves: Sequence[Grave], mark: str) -> tuple[pa.Table, dict[bytes, bytes]]:
    """The lines that change, by position, and their bytes before and after."""
    table = f"bronze.{source}"
    if not graves:
        return TABLE_ROWS.empty_table(), {}
    is_csv = lake.contracts.sources[source].format.type == "csv" if source in lake.contracts.sources else False
    of_line = {grave.position: grave for grave in graves}
    wanted = pa.table({"position": pa.array(sorted(of_line), pa.int64())})
    with lake.quick(table) as connection:
        connection.register("wanted", wanted)
        rows = connection.execute(
            f"SELECT position, payload, undecoded FROM {table} SEMI JOIN wanted USING (position)"
        ).fetchall()
    positions, texts, instead = [], [], {}
    for position, payload, undecoded in rows:
        grave = of_line[position]
        text = redacted(payload, is_csv, grave.parts, grave.messages, mark, f"{table}, position {position}")
        if text != payload:
            positions.append(position)
            texts.append(text)
            instead[bytes(undecoded) if undecoded is not None else payload.encode()] = text.encode()
    return pa.table([positions, texts], schema=TABLE_ROWS), instead

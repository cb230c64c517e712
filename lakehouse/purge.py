"""Purging: after it a table's folder holds the rows of its newest version, and of a released one, and nothing else.

Delta keeps what was removed: in the files of older versions, and in its log, whose statistics hold the least and the
greatest value of each column of files long gone. So the oldest version that stays is put into a checkpoint, and then
all older entries of the log, and all files that no version from there on names, are removed. Versions go on counting,
and the versions of streaming writers (``txn``) are in the checkpoint, so that no batch lands twice.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from lakehouse.checksum import FIRST
from lakehouse.still import alone_with

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

LOG = "_delta_log"
MARK = "clew.purgedVersion"
"""The table property whose change is the purge's own commit: one that changes no row and holds no value of any."""
_VERSION = re.compile(r"^(\d{20})\.")


@dataclass(frozen=True)
class Purged:
    """What became of a table.

    Attributes:
        table: Its name.
        version: Its newest version.
        files: Data files removed.
        log_files: Files of the log removed.
    """

    table: str
    version: int
    files: int
    log_files: int


def seal_off(lake: "Lake", table: str) -> int:
    """Give a table a version that says nothing of the ones before, by which a release may name it.

    The rows are the same. A table whose newest version is such a one is left as it is; so is one that never had a row.

    Returns:
        The version: the one that ``purge`` keeps.
    """
    with alone_with(lake, table):
        return _sealed_off(lake, table).version()


def purge(lake: "Lake", table: str, oldest: int | None = None) -> Purged:
    """Remove every byte of a table's folder that the versions which stay do not need.

    The caller keeps steps away (``lakehouse.still``); whoever else adds rows waits. A purge that died is done by
    the next one; a table that is clean is left as it is.

    Args:
        lake: The lake.
        table: Its name.
        oldest: The first version that stays, sealed off; None is the newest.

    Returns:
        What was removed; no older version can be read any more.
    """
    folder = Path(lake.path(table))
    with alone_with(lake, table):
        newest = _sealed_off(lake, table)
        first = newest if oldest is None else lake.delta(table, oldest)
        if first.version() > 0 and not _has_checkpoint(folder, first.version()):
            first.create_checkpoint()
            _sync(folder / LOG)
        entries, files = _old_entries(folder, first.version()), _old_files(folder, (first, newest))
        for path in (*entries, *files):
            path.unlink()
        _fsync(folder / LOG)
    of_data = sum(path.suffix == ".parquet" for path in files)
    return Purged(table, newest.version(), of_data, len(entries))


def _sealed_off(lake: "Lake", table: str) -> "DeltaTable":
    delta = lake.delta(table)
    if not _is_new(delta) and not _is_sealed_off(delta):
        delta.alter.set_table_properties({MARK: str(delta.version() + 1)}, raise_if_not_exists=False)
    return delta


def _is_new(delta: "DeltaTable") -> bool:
    """Whether a table is as it was made, without a row: its log holds no value and no other version."""
    return delta.version() == 0 and not delta.file_uris()


def _is_sealed_off(delta: "DeltaTable") -> bool:
    newest = delta.history(1)
    told = newest[0].get("operationParameters", {}) if newest else {}
    return bool(newest) and newest[0]["operation"] == "SET TBLPROPERTIES" and MARK in str(told.get("properties", ""))


def _has_checkpoint(folder: Path, version: int) -> bool:
    return any((folder / LOG).glob(f"{version:020d}.checkpoint*.parquet"))


def _old_entries(folder: Path, version: int) -> list[Path]:
    """What the log holds from before a version, beside the note of the newest checkpoint."""
    return [
        path
        for path in sorted((folder / LOG).rglob("*"))
        if path.is_file() and path.name != "_last_checkpoint" and not _is_kept(path.name, version)
    ]


def _is_kept(name: str, version: int) -> bool:
    """A checksum file, Delta's or Hadoop's, is no part of the table: it repeats what a version was.

    That of the version that made the table stays with it: it repeats what the columns are.
    """
    numbered = _VERSION.match(name)
    is_checksum = name.endswith(".crc") and not (version == 0 and name == f"{FIRST}.crc")
    return numbered is not None and int(numbered[1]) >= version and not is_checksum


def _old_files(folder: Path, kept: Iterable["DeltaTable"]) -> list[Path]:
    import pyarrow as pa

    added = [pa.table(delta.get_add_actions(flatten=True))["path"].to_pylist() for delta in kept]
    named = {unquote(path) for paths in added for path in paths}
    found = []
    for path in sorted(folder.rglob("*")):
        place = path.relative_to(folder)
        if place.parts[0] == LOG or not path.is_file():
            continue
        # Hadoop keeps the checksum of x in .x.crc
        whose = place.with_name(place.name[1:-4]) if place.name.startswith(".") and place.suffix == ".crc" else place
        if whose.as_posix() not in named:
            found.append(path)
    return found


def _sync(path: Path) -> None:
    """What was written must be on the disk before what it replaces is removed."""
    for file in path.glob("*"):
        if file.is_file():
            _fsync(file)
    _fsync(path)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

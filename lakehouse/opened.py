"""Delta tables as delta-rs sees them, opened once for each version: to open one reads its log.

A step asks many small questions of many tables, most of which nobody has written to since the last question. What was
opened is kept for as long as the newest commit is the same file, so that whoever asks sees what was written meanwhile,
by whatever process, and a table that was restored or made anew.
"""

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.places import newest_commit

if TYPE_CHECKING:
    from deltalake import DeltaTable

_MOST = 500
"""Tables times versions; the least recently used goes first."""


def opened(folder: Path, version: int | None = None) -> "DeltaTable":
    """A table at its newest version, or at ``version``.

    Who changes it through what it gets changes no other's: by then the newest commit is another.

    Raises:
        DeltaError: If there is none, or it cannot be read.
    """
    at = newest_commit(folder) if version is None else version
    try:
        commit = (folder / "_delta_log" / f"{at:020}.json").stat() if at is not None else None
    except OSError:  # swept up into a checkpoint
        commit = None
    if commit is None:
        return _open(str(folder), version)
    return _kept(str(folder), version, (at, commit.st_ino, commit.st_mtime_ns, commit.st_size))


def _open(folder: str, version: int | None) -> "DeltaTable":
    from deltalake import DeltaTable  # which only those who open one should pay

    return DeltaTable(folder, version=version)


@lru_cache(maxsize=_MOST)
def _kept(folder: str, version: int | None, commit: tuple[int | None, int, int, int]) -> "DeltaTable":
    return _open(folder, version)

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

_KEPT = 500
"""Tables times versions; the least recently used goes first."""


def opened(folder: Path, version: int | None = None) -> "DeltaTable":
    """A table at its newest version, or at ``version``.

    Who changes it through what it gets changes no other's: by then the newest commit is another.

    Raises:
        DeltaError: If there is none, or it cannot be read.
    """
    from deltalake import DeltaTable

    at = newest_commit(folder) if version is None else version
    try:
        commit = (folder / "_delta_log" / f"{at:020}.json").stat() if at is not None else None
    except OSError:  # swept up into a checkpoint
        commit = None
    if commit is None:
        return DeltaTable(str(folder), version=version)
    return _opened(str(folder), version, (at, commit.st_ino, commit.st_mtime_ns, commit.st_size))


@lru_cache(maxsize=_KEPT)
def _opened(folder: str, version: int | None, commit: tuple[int | None, int, int, int]) -> "DeltaTable":
    from deltalake import DeltaTable

    return DeltaTable(folder, version=version)

"""What lies in folders that others write: walked however deep they are, and no link followed."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from contracts.errors import DataError

DEEPEST = 32
"""So many folders may lie in one another in a source's landing folder."""
PATH_BYTES = 3_800
"""The longest path of a folder that is looked into: of the system's 4,096 bytes, the rest is for names in it."""


def entries(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    """All that the reader would meet in a folder and those within, in order; no link is followed.

    A folder comes only if it may not be looked into, or lies too deep. Names that begin with ``_`` or ``.``, or end in
    ``.tmp``, are left out; but Spark looks into a folder such as ``_day=1``, so that is looked into here too.
    """
    under_way = [_children(folder)]
    while under_way:
        for path, status in under_way[-1]:
            if stat.S_ISDIR(status.st_mode):
                if path.name.startswith(".") or (path.name.startswith("_") and "=" not in path.name):
                    continue
                is_deep = len(under_way) > DEEPEST or len(os.fsencode(path)) > PATH_BYTES
                if may_look_into(path) and not is_deep:
                    under_way.append(_children(path))
                    break
            elif path.name.startswith(("_", ".")) or path.name.endswith(".tmp"):
                continue
            yield path, status
        else:
            under_way.pop()


def may_look_into(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)


def files_within(folder: Path) -> Iterator[Path]:
    """Every file in a folder and those within, hidden ones too, in order; no link is followed.

    Raises:
        OSError: If a folder may not be listed.
        DataError: If it lies so deep that the system has no path for what is in it.
    """
    under_way = [_children(folder)]
    while under_way:
        for path, status in under_way[-1]:
            if stat.S_ISDIR(status.st_mode):
                under_way.append(_children(path))
                break
            if stat.S_ISREG(status.st_mode):
                yield path
        else:
            under_way.pop()


def _children(folder: Path) -> Iterator[tuple[Path, os.stat_result]]:
    try:
        names = sorted(os.listdir(folder))
    except FileNotFoundError:
        return
    for name in names:
        path = folder / name
        try:
            yield path, path.lstat()
        except FileNotFoundError:
            continue  # renamed meanwhile, as those do who wrote it under another name
        except OSError as error:
            if error.errno != errno.ENAMETOOLONG:
                raise
            raise DataError(
                "folders lie so deep in one another that the system has no path for what is in them",
                f"{str(folder)[:200]}…",
                "look at what they hold, and remove them",
            ) from error

"""Where Spark and DuckDB put what does not fit in memory: rows of people, in a folder of the process in ``.clew/tmp``.

Left to themselves, they would put it into /tmp and into the folder that a command is called in, and what a killed
process left there would outlive an erasure. A process holds a lock on its folder for as long as it lives; the kernel
lets go of what a killed one held, also in another container. So a folder without a lock is nobody's, and goes when the
next process makes its own, or with an erasure.
"""

import atexit
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from lakehouse.private import make_private

FOLDER = "tmp"
"""Its name in the state folder."""
_states: list[Path] = []
_databases = count(1)


def use(state: Path) -> None:
    """Say which workspace's state folder this process spills to; the first that is named counts."""
    if not _states:
        _states.append(state)


def is_told() -> bool:
    """Whether this process knows where to."""
    return bool(_states)


def duck() -> dict[str, Any]:
    """The setting of a new database of DuckDB that has it spill there.

    Each has a folder of its own, which DuckDB makes when it needs it, and removes: it gives its files the same names in
    every database, and whichever is closed first would remove those of the others.

    Nothing, where there is no workspace, or one that this account may only read.
    """
    if not _states or not _states[0].is_dir():
        return {}
    try:
        return {"temp_directory": str(folder() / f"duckdb-{next(_databases)}")}
    except OSError:
        return {}


def folder() -> Path:
    """The folder of this process, made on first use.

    Raises:
        OSError: If it cannot be made.
    """
    return _made(os.getpid())  # a fork makes its own


def clear(state: Path) -> None:
    """Remove what processes left there that are no more."""
    if (state / FOLDER).is_dir():
        with _alone(state / FOLDER) as root:
            _clear(root)


@cache
def _made(process: int) -> Path:
    with _alone(make_private(_states[0] / FOLDER)) as root:
        _clear(root)
        own = Path(tempfile.mkdtemp(prefix=f"{process}-", dir=root))
        fcntl.flock(os.open(own, os.O_RDONLY | os.O_DIRECTORY), fcntl.LOCK_EX)  # until the process ends
    atexit.register(_leave, process, own)
    return own


def _leave(process: int, own: Path) -> None:
    """Remove the folder if it is empty: the JVM ends later, and tidies up by itself."""
    if process == os.getpid():
        with suppress(OSError):
            own.rmdir()


@contextmanager
def _alone(root: Path) -> Iterator[Path]:
    """Let nobody clear the folder while one in it is made and not locked yet."""
    descriptor = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield root
    finally:
        os.close(descriptor)


def _clear(root: Path) -> None:
    for left in sorted(root.iterdir()):
        with suppress(OSError):  # another's who is at work, or one that only its owner may remove
            descriptor = os.open(left, os.O_RDONLY | os.O_DIRECTORY)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(descriptor)

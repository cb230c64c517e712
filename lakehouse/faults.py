"""What an error of a library comes from: a full disk, a folder that may not be written, a lost JVM, a damaged table.

The libraries that write tables (Spark, delta-rs, DuckDB, Arrow) each say it in their own words and classes, and some
name values of rows. So the words are only searched for the cause, and what is told is found by looking.
"""

import contextlib
import errno
import os
import shutil
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse.errors import ClewError, DataError, EnvironmentFault
from lakehouse.intact import Damage, damages
from lakehouse.remedy import remedy

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_FULL = ("no space left on device", "disk quota exceeded", "file too large", "(os error 28)", "(os error 27)")
_REFUSED = ("read-only file system", "permission denied", "(os error 30)", "(os error 13)")
_FULL_NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_REFUSED_NUMBERS = (errno.EROFS, errno.EACCES, errno.EPERM)
_NO_MEMORY = ("java.lang.outofmemoryerror", "not enough memory to build and broadcast")
_GONE = "the jvm that would know has ended"
NEARLY_FULL_BYTES = 64 * 2**20
SHOWN = 3
DYING_SECONDS = 2.0


def explained(lake: "Lake", error: BaseException) -> ClewError | None:
    """The error that says what the matter is and how to mend it; None where nothing is found.

    Args:
        lake: The lake that was worked on.
        error: What a library raised, or an error of ours that has one for its cause.
    """
    if isinstance(error, ClewError) and not (isinstance(error, DataError) and error.__cause__):
        return error
    if not isinstance(error, Exception):
        return None  # somebody stopped the program
    told = list(_chain(error))
    if _is_of_lost_jvm(told):
        return EnvironmentFault(
            "Spark's JVM ended in the middle of a step, as it does when its memory is used up",
            str(lake.settings.state / "logs" / "spark.log"),
            f"give it more (CLEW_DRIVER_MEMORY, now {lake.settings.driver_memory}; clew doctor) or lower the limits of "
            "the source (docs/reference/limits.md), then run the same command again; what was done is not done twice",
        )
    if _says(told, _FULL, _FULL_NUMBERS):
        return EnvironmentFault(
            "there is no room to write: a disk, a quota or a limit on the size of files is used up",
            _file(told) or _fullest(lake),
            "make room (clew doctor), then run the same command again: what was not finished is not seen by readers, "
            "and is written anew",
        )
    if _says(told, _REFUSED, _REFUSED_NUMBERS):
        return EnvironmentFault(
            "a folder or a file may not be written or read",
            _file(told) or _refusing(lake),
            "give it to this user, or mount it for writing, then run the same command again",
        )
    found = damages(lake)
    if found:
        return damaged(found)
    return error if isinstance(error, ClewError) else None


def damaged(found: list[Damage]) -> DataError:
    """Damaged tables as an error that names the files, and what mends the first."""
    tables = sorted({damage.table for damage in found})
    files = "\n         ".join(f"{item.table}, {item.file}: {item.what}" for item in found[:SHOWN])
    more = f"\n         and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    do = remedy(found[0])
    backup = "put the files back from a backup, or: " if do.startswith("clew ") else ""
    return DataError(
        f"{'a table is' if len(tables) == 1 else f'{len(tables)} tables are'} damaged: {', '.join(tables[:SHOWN])}",
        files + more,
        f"{backup}{do} (see docs/runbooks/damaged-table.md)",
    )


def without_texts(error: BaseException) -> str:
    """The traceback of an error and of those that led to it, each with its kind and without its text.

    Their texts might hold a personal value, which no log may.
    """
    told = [
        [*traceback.format_tb(item.__traceback__), f"{type(item).__module__}.{type(item).__qualname__}\n"]
        for item in _chain(error)
    ]
    return "\nwhich led to:\n\n".join("".join(lines) for lines in reversed(told))


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _says(told: list[BaseException], words: tuple[str, ...], numbers: tuple[int, ...]) -> bool:
    return any(getattr(item, "errno", None) in numbers or any(word in _text(item) for word in words) for item in told)


def _text(error: BaseException) -> str:
    """What an error says, in small letters; some have to ask the JVM for it."""
    try:
        return str(error).lower()
    except Exception:  # noqa: BLE001 - of whatever kind, on the way to a JVM
        return _GONE


def _is_of_lost_jvm(told: list[BaseException]) -> bool:
    """Whether the JVM has ended, or is about to: at its first OutOfMemoryError it does (ADR 15)."""
    from py4j.protocol import Py4JNetworkError

    return (
        any(isinstance(item, Py4JNetworkError) for item in told)
        or (any(isinstance(item, ConnectionError) for item in told) and _has_jvm_ended())
        or _says(told, (*_NO_MEMORY, _GONE), ())
    )


def _has_jvm_ended() -> bool:
    """Whether this process had started a JVM, and it is no more."""
    gateway = getattr(getattr(sys.modules.get("pyspark"), "SparkContext", None), "_gateway", None)
    process = getattr(gateway, "proc", None)
    if process is None:
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(DYING_SECONDS)  # it refuses connections a moment before it is gone
    return process.poll() is not None


def _file(told: list[BaseException]) -> str:
    """The file that the system named, if it named one; what removes folders names a file by its last step alone."""
    named = (str(item.filename) for item in told if isinstance(item, OSError) and item.filename)
    return next((name for name in named if os.path.isabs(name)), "")


def _fullest(lake: "Lake") -> str:
    """The places that have next to no room, or the lake where none is found (a quota, a limit)."""
    full = [str(path) for path in _places(lake) if shutil.disk_usage(path).free < NEARLY_FULL_BYTES]
    return ", ".join(full) or str(lake.settings.lake)


def _refusing(lake: "Lake") -> str:
    """The folders and log folders of tables that may not be written."""
    folders = [*_places(lake), *(Path(lake.path(table)) / "_delta_log" for table in lake.tables())]
    refusing = [str(path) for path in folders if not os.access(path, os.R_OK | os.W_OK | os.X_OK)]
    return ", ".join(refusing[:SHOWN]) or str(lake.settings.lake)


def _places(lake: "Lake") -> list[Path]:
    settings = lake.settings
    wanted = [settings.lake, settings.state, settings.landing, settings.exports, Path(tempfile.gettempdir())]
    if not settings.places.restricted.is_relative_to(settings.lake):
        wanted.append(settings.places.restricted)
    return [path for path in wanted if path.exists()]

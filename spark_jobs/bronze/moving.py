"""Files that change while they are being landed, which those who write them under a hidden name first avoid."""

import hashlib
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

from spark_jobs.bronze.folders import entries
from spark_jobs.bronze.unreadable import notice


def sizes(folder: Path) -> dict[Path, int]:
    """The bytes of each file that the reader would meet; none for what is no folder."""
    if folder.is_symlink() or not folder.is_dir():
        return {}
    return {path: status.st_size for path, status in entries(folder) if stat.S_ISREG(status.st_mode)}


def changed(seen: Mapping[Path, int]) -> Iterator[tuple[Path, int | None]]:
    """The files that have another size than before, with the present one; None for those that are gone."""
    for path, size in seen.items():
        try:
            now = path.lstat().st_size
        except OSError:
            yield path, None
            continue
        if now != size:
            yield path, now


def tell_of_changed(folder: Path, seen: Mapping[Path, int]) -> list[str]:
    """Leave a notice of each such file, which the next landing counts, and say what happened to it.

    Args:
        folder: A source's landing folder.
        seen: Its files as they were before they were landed.
    """
    told = []
    for path, size in changed(seen):
        came = "is gone" if size is None else f"went from {seen[path]} to {size} bytes"
        reason = f"it {came} while it was landing: send what is not in bronze under another name"
        mark = hashlib.sha256(f"{path.name!a} {seen[path]} {size}".encode()).hexdigest()[:8]
        notice(path, reason, size, None, mark)
        told.append(f"landing/{shown(f'{folder.name}/{path.relative_to(folder).as_posix()}')} {came} while landing")
    return told


def shown(name: str) -> str:
    """A file's name for a message: on one line, and without what would control a terminal."""
    return "".join(mark if mark.isprintable() else repr(mark)[1:-1] for mark in name)

"""Files and folders that are their owner's alone: keys, settings, logs, tables that can name a person."""

import os
import stat
from pathlib import Path

from contracts.errors import EnvironmentFault

OTHERS = 0o077
"""The rights of everybody but the owner."""


def make_private(folder: Path) -> Path:
    """Make a folder that its owner alone may enter; one that is there is closed to others, if it is ours to close."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = folder.stat()
    if status.st_mode & OTHERS and status.st_uid == os.geteuid():
        folder.chmod(stat.S_IMODE(status.st_mode) & ~OTHERS)
    return folder


def open_private(path: Path, flags: int) -> int:
    """Open a file that its owner alone may read, made if it is not there.

    Returns:
        The descriptor.
    """
    descriptor = os.open(path, flags | os.O_CREAT, 0o600)
    status = os.fstat(descriptor)
    if status.st_mode & OTHERS and status.st_uid == os.geteuid():
        os.fchmod(descriptor, 0o600)
    return descriptor


def replace_private(path: Path, text: str) -> None:
    """Write a file that its owner alone may read, in one rename: whoever reads it finds the old text or the new.

    What a process that died leaves of it is called as the file, a dot and the number of the process.
    """
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(open_private(draft, os.O_TRUNC | os.O_WRONLY), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def read_secret(path: Path) -> bytes:
    """Read a file of secrets.

    Raises:
        FileNotFoundError: If it is not there.
        EnvironmentFault: If others may read or write it, or somebody else owns it.
    """
    with path.open("rb") as file:
        if wrong := wrong_with(os.fstat(file.fileno()), path):
            raise EnvironmentFault(wrong[0], str(path), wrong[1])
        return file.read()


def wrong_with(status: os.stat_result, path: Path) -> tuple[str, str] | None:
    """What is wrong with the rights of a private file or folder, and the command that mends it."""
    mode, name = stat.S_IMODE(status.st_mode), path.name
    # Root reads what others own, as a container does that is handed somebody's folder.
    if status.st_uid not in (os.geteuid(), 0) and os.geteuid() != 0:
        return f"{name} belongs to another user, who could have written anything there", f"sudo chown $USER {path}"
    if mode & OTHERS:
        right = "700" if stat.S_ISDIR(status.st_mode) else "600"
        return f"{name} is open to other users (mode {mode:o}, not {right})", f"chmod {right} {path}"
    return None

"""Drafts: files written beside others in a landing folder, whole before they take a place there.

Who may write to a landing folder may put a link there under any name that can be guessed. So a draft has a random
name and is made anew or not at all; it lies in the folder of what it replaces, and takes its place in one rename.
"""

import contextlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from contracts.errors import EnvironmentFault

_NAME = re.compile(r"\.clew-[0-9a-f]{16}\.draft")
PRIVATE, AS_ANY = 0o600, 0o666
"""Modes of a new file: for this user only, or as the user's umask says."""


@dataclass(frozen=True)
class Draft:
    """A file under way; what is written to ``file`` is not seen until ``put``."""

    path: Path
    file: BinaryIO

    def put(self, target: Path) -> Path:
        """Give the draft its name; a link of that name is replaced and not followed."""
        self.file.flush()
        os.fsync(self.file.fileno())
        return self.path.replace(target)

    def put_for(self, path: Path, status: os.stat_result) -> None:
        """Put the draft in the place of a file, with its mode and times.

        Raises:
            EnvironmentFault: If the file has changed since: it stays, and so does what was added to it.
        """
        self.file.flush()
        os.fchmod(self.file.fileno(), status.st_mode & 0o7777)
        os.utime(self.file.fileno(), ns=(status.st_atime_ns, status.st_mtime_ns))
        os.fsync(self.file.fileno())
        if _state(path.lstat()) != _state(status):
            raise EnvironmentFault(
                "a file that has lines to be replaced is still being written",
                str(path),
                "write files under a name that begins with _ and rename them when they are whole; run the same command "
                "again when this one is",
            )
        self.path.replace(path)


@contextlib.contextmanager
def draft(folder: Path, mode: int = PRIVATE) -> Iterator[Draft]:
    """A new, hidden file in a folder; it is removed unless it was put somewhere."""
    path = folder / f".clew-{secrets.token_hex(8)}.draft"
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(path, flags, mode), "wb") as file:
            yield Draft(path, file)
    finally:
        path.unlink(missing_ok=True)


def is_draft(name: str) -> bool:
    """Whether a file has the name of a draft: one that lies there was left by a process that died."""
    return _NAME.fullmatch(name) is not None


def _state(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns

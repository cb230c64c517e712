"""Counts what happens in folders as the kernel tells it (inotify), to kill a process at its n-th change of a file.

A file written in the folder of marks is no change: it says in which step the changes after it are.
"""

import ctypes
import os
import select
import struct
from collections.abc import Iterable
from pathlib import Path

CLOSED, MOVED_TO, CREATED, DELETED = 0x008, 0x080, 0x100, 0x200
IS_FOLDER = 0x40000000
OVERFLOWED = 0x4000
_EVENT = struct.Struct("iIII")
_libc = ctypes.CDLL(None, use_errno=True)


class Watch:
    """Watches folders and all within them; counts files made, closed after writing, renamed and deleted.

    Args:
        folders: Where to look; those that are not there yet are left out.
        passed_over: Names of folders whose changes do not count.
        marks: The folder of marks, each named for a step.
    """

    def __init__(self, folders: Iterable[Path], passed_over: Iterable[str] = (), marks: Path | None = None) -> None:
        self.events = 0
        self.step: str | None = None
        self.changes: dict[str, int] = {}
        """How many changes each step made, in the order in which they began."""
        self._marks = marks
        self._passed_over = frozenset(passed_over)
        self._descriptor = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self._descriptor < 0:
            raise OSError(ctypes.get_errno(), "inotify cannot be used")
        self._folders: dict[int, Path] = {}
        for folder in (*folders, *([marks] if marks else [])):
            self._add(folder)

    def wait(self, seconds: float) -> None:
        """Count what has happened, waiting so long for anything to happen."""
        if select.select([self._descriptor], [], [], seconds)[0]:
            self._count(os.read(self._descriptor, 1 << 16))

    def since(self, step: str) -> int:
        """How many changes there were since a step began; none before it has."""
        begun = list(self.changes)
        return sum(self.changes[name] for name in begun[begun.index(step) :]) if step in self.changes else 0

    def close(self) -> None:
        os.close(self._descriptor)

    def _count(self, told: bytes) -> None:
        place = 0
        while place < len(told):
            descriptor, mask, _, length = _EVENT.unpack_from(told, place)
            place += _EVENT.size + length
            if mask & OVERFLOWED:
                continue
            if mask & IS_FOLDER:
                name = told[place - length : place].rstrip(b"\0").decode()
                if mask & (CREATED | MOVED_TO) and descriptor in self._folders:
                    self._add(self._folders[descriptor] / name)
            elif self._marks is not None and self._folders.get(descriptor) == self._marks:
                if mask & CLOSED:
                    self.step = told[place - length : place].rstrip(b"\0").decode()
                    self.changes[self.step] = 0
            else:
                self.events += 1
                if self.step is not None:
                    self.changes[self.step] += 1

    def _add(self, folder: Path) -> None:
        if folder.name in self._passed_over or folder.is_symlink():
            return
        mask = CLOSED | MOVED_TO | CREATED | DELETED
        descriptor = _libc.inotify_add_watch(self._descriptor, os.fsencode(folder), mask)
        if descriptor < 0:
            return  # gone again, or no folder
        self._folders[descriptor] = folder
        try:
            inner = [Path(entry.path) for entry in os.scandir(folder) if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return
        for path in inner:
            self._add(path)

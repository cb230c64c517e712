"""A small file system in memory, where whoever runs the tests may mount one."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    """Mount a disk of so many megabytes on a folder; the test is skipped where that is not permitted."""
    folder.mkdir(parents=True)
    mounted = _mount("-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder))
    if mounted.returncode:
        pytest.skip(f"a disk of {megabytes} MB cannot be mounted: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def make_read_only(folder: Path) -> None:
    """Let a mounted disk be read only."""
    assert _mount("-o", "remount,ro", str(folder)).returncode == 0


def make_writable(folder: Path) -> None:
    """Let a mounted disk be written again."""
    assert _mount("-o", "remount,rw", str(folder)).returncode == 0


def fill(folder: Path, left: int) -> Path:
    """A file that takes all of the disk but so many bytes."""
    ballast = folder / "ballast"
    ballast.touch()
    block = 1 << 16
    with ballast.open("wb") as file:
        try:
            while True:
                file.write(b"\0" * block)
                file.flush()
        except OSError:
            file.truncate(max(file.tell() // block * block - left, 0))
    return ballast


def _mount(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)

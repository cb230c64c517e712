"""Packed files: unpacked, and packed so that the same lines give the same bytes."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

READ: dict[str, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File}
CHUNK = 1 << 20


def opened(path: Path) -> BinaryIO:
    """The text of a file, unpacked, to be read."""
    unpack = READ.get(path.suffix.lower())
    return unpack(path) if unpack else path.open("rb")  # type: ignore[return-value]


def packing(ending: str, raw: BinaryIO) -> BinaryIO:
    """What writes to ``raw`` as files of that ending are packed."""
    if ending.lower() == ".gz":
        return gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0)  # type: ignore[return-value]
    if ending.lower() == ".bz2":
        return bz2.BZ2File(raw, "wb")  # type: ignore[return-value]
    return open(raw.fileno(), "wb", closefd=False)

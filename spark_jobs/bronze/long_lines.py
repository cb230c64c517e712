"""Lines too long to be read: taken out of their file and kept beside it, with a notice in their place.

Spark's reader holds a line in memory several times over, and so does whatever parses it; one line of a gigabyte would
end the run. So files are looked through before it. Of a file of text that costs next to nothing: only what lies before
every ``max_line_bytes``-th byte is read. What is packed is unpacked once more.
"""

import hashlib
import json
import os
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

from contracts.source import Limits
from spark_jobs.bronze.drafts import draft
from spark_jobs.bronze.folders import entries
from spark_jobs.bronze.packed import CHUNK, READ, opened, packing
from spark_jobs.bronze.unreadable import FOLDER, aside

MARK = "clew_line_too_long"
PREFIX_BYTES = 1_000
"""So much of the line's beginning is in its notice."""


def take_out_long_lines(folder: Path, landed: Collection[Path], limits: Limits) -> list[Path]:
    """Replace every line of more than ``limits.max_line_bytes`` by a notice of it.

    The line goes, byte by byte, to a file in ``_unreadable/``. Other lines keep their place and number. A run that dies
    in between leaves the file as it was; the next one does the same again. The file keeps its mode, and a line that
    was taken out is for this user only.

    Args:
        folder: A source's landing folder, of which :func:`set_aside_unreadable` has moved what is no file of lines.
        landed: Files that were looked at and have been read.
        limits: What the source's contract allows.

    Returns:
        The files with the lines taken out.

    Raises:
        OSError: If a file cannot be rewritten.
        DataError: If ``_unreadable`` is no folder.
        EnvironmentFault: If a file is still being written, so that what is added to it would be lost.
    """
    taken: list[Path] = []
    for path, status in entries(folder):
        packed = path.suffix.lower() in READ
        is_new = stat.S_ISREG(status.st_mode) and path not in landed
        # A packed line may be a thousand times as long as the file, and not longer in practice.
        if is_new and status.st_size * (1_100 if packed else 1) > limits.max_line_bytes:
            finds = _any_long_in_stream if packed else _any_long_in_file
            if finds(path, limits.max_line_bytes):
                taken += _rewrite(path, limits.max_line_bytes)
    return taken


def _any_long_in_file(path: Path, limit: int) -> bool:
    """Whether any line is longer; looks from the furthest place where a line may end back to its beginning."""
    with path.open("rb") as file:
        start, size = 0, os.fstat(file.fileno()).st_size
        while size - start > limit:
            end = _last_line_end(file, start, start + limit + 1)
            if end < 0:
                return True
            start = end + 1
    return False


def _last_line_end(file: IO[bytes], start: int, stop: int) -> int:
    """Where the last line end in a part of a file is; -1 if there is none."""
    step = 1 << 12
    while stop > start:
        here = max(start, stop - step)
        file.seek(here)
        found = file.read(stop - here).rfind(b"\n")
        if found >= 0:
            return here + found
        stop, step = here, min(2 * step, CHUNK)
    return -1


def _any_long_in_stream(path: Path, limit: int) -> bool:
    open_bytes = 0
    with READ[path.suffix.lower()](path) as file:
        while chunk := file.read(CHUNK):
            first = chunk.find(b"\n")
            if first < 0:
                open_bytes += len(chunk)
            else:
                if open_bytes + first > limit or _holds_long(chunk, first + 1, limit):
                    return True
                open_bytes = len(chunk) - chunk.rfind(b"\n") - 1
            if open_bytes > limit:
                return True
    return False


def _holds_long(chunk: bytes, start: int, limit: int) -> bool:
    """Whether a line that begins and ends in the chunk is longer; only limits below a chunk's size allow it."""
    while len(chunk) - start > limit:
        end = chunk.rfind(b"\n", start, start + limit + 1)
        if end < 0:
            return chunk.find(b"\n", start) >= 0
        start = end + 1
    return False


def _rewrite(path: Path, limit: int) -> list[Path]:
    status, kept_in = path.lstat(), aside(path.parent)
    taken: list[Path] = []
    with draft(path.parent) as made:
        with opened(path) as lines, packing(path.suffix, made.file) as out:
            for part, is_long in _pieces(lines, limit):
                out.write(_keep(part, lines, kept_in, taken, limit) if is_long else part)
        made.put_for(path, status)
    return taken


def _pieces(lines: IO[bytes], limit: int) -> Iterator[tuple[bytes, bool]]:
    """Whole lines as they come, and of a long one its first ``limit`` + 1 bytes; its reader must read on."""
    while line := lines.readline(limit + 1):
        yield line, len(line) > limit and not line.endswith(b"\n")


def _keep(start: bytes, lines: IO[bytes], kept_in: Path, taken: list[Path], limit: int) -> bytes:
    """Move the long line that began with ``start`` to a file of its own; returns the notice of it."""
    digest, size = hashlib.sha256(start), len(start)
    end = b""
    with draft(kept_in) as made:
        made.file.write(start)
        while not end and (part := lines.readline(CHUNK)):
            end = b"\n" if part.endswith(b"\n") else b""
            part = part.removesuffix(b"\n")
            made.file.write(part)
            digest.update(part)
            size += len(part)
        kept = made.put(kept_in / f"{digest.hexdigest()[:16]}.line")
    taken.append(kept)
    told = {
        MARK: limit,
        "bytes": size,
        "sha256": digest.hexdigest(),
        "kept_as": f"{FOLDER}/{kept.name}",
        "begins": start[:PREFIX_BYTES].decode("utf-8", "replace"),
    }
    return json.dumps(told, ensure_ascii=False).encode("utf-8") + end

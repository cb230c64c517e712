"""Files still in landing/: the lines of erased people are replaced there too, so that no lost checkpoint lands them."""

import re
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import BinaryIO

from spark_jobs.bronze.drafts import draft, is_draft
from spark_jobs.bronze.folders import files_within
from spark_jobs.bronze.packed import opened, packing
from spark_jobs.bronze.unreadable import FOLDER


@dataclass
class Redacted:
    """What was done to files: how many were rewritten, how many of their lines."""

    files: int = 0
    lines: int = 0
    names: list[str] = field(default_factory=list)


def redact_files(
    folder: Path, instead: Mapping[bytes, bytes], values: Collection[bytes] = (), mark: bytes = b""
) -> Redacted:
    """Replace lines in all files of a source's landing folder.

    A line is known by its bytes and not by its place, so it is found in a file that was changed or copied since, too.
    Each file is replaced in one rename and keeps its time, so that the reader does not take it for another.

    Args:
        folder: The source's landing folder.
        instead: The line to put in the place of each, without line ends.
        values: In files that were set aside as unreadable no line ever landed, so whose they are is not known: of
            what can be read of them, each line that holds one of these is replaced by ``mark``.
        mark: The tombstone.

    Raises:
        OSError: If a folder or file may not be read or written.
        EnvironmentFault: If a file is still being written, so that what is added to it would be lost.
    """
    done = Redacted()
    if not folder.is_dir():
        return done
    told = re.compile(b"|".join(re.escape(value) for value in sorted(values, key=len, reverse=True)))
    for path in files_within(folder):
        if is_draft(path.name):  # of an erasure or a landing that died
            path.unlink()
            continue
        is_aside = bool(values) and FOLDER in path.relative_to(folder).parts[:-1]
        count = _redact(path, partial(_instead, instead, told if is_aside else None, mark))
        if count:
            done.files += 1
            done.lines += count
            done.names.append(path.name)
    return done


def _instead(
    instead: Mapping[bytes, bytes], told: "re.Pattern[bytes] | None", mark: bytes, line: bytes
) -> bytes | None:
    found = instead.get(line)
    return mark if found is None and told is not None and told.search(line) else found


def _redact(path: Path, other: Callable[[bytes], bytes | None]) -> int:
    status = path.lstat()
    # Most files hold nobody who is erased: they are read once and not written.
    with opened(path) as file:
        if not any(other(line) is not None for line in _lines(file)):
            return 0
    count = 0
    with draft(path.parent) as made:
        with opened(path) as file, packing(path.suffix, made.file) as out:
            for number, line in enumerate(_lines(file)):
                replaced = other(line)
                count += replaced is not None
                out.write((b"\n" if number else b"") + (line if replaced is None else replaced))
        made.put_for(path, status)
    return count


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines without their ends, as the reader cuts them; after a last line end there is an empty one more.

    A broken archive ends where it cannot be read any more.
    """
    ended = True
    try:
        for line in file:
            ended = line.endswith(b"\n")
            yield line[:-1] if ended else line
    except (OSError, EOFError, zlib.error):
        return
    if ended:
        yield b""

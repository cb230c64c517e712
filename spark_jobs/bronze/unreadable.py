"""What lies in a landing folder and is no file of lines: set aside, and told of in a line that lands like any other.

A landing folder is written by others. Whatever is in it, landing it must neither hang nor fail nor read what lies
elsewhere: links are never followed, pipes and devices never opened, archives never unpacked beyond their limit.
"""

import contextlib
import hashlib
import json
import os
import stat
import zlib
from collections.abc import Collection
from pathlib import Path

from contracts.errors import DataError
from contracts.source import Limits
from spark_jobs.bronze.drafts import AS_ANY, draft, is_draft
from spark_jobs.bronze.folders import DEEPEST, entries, may_look_into
from spark_jobs.bronze.packed import CHUNK, READ, unpacked

MARK = "clew_unreadable_file"
FOLDER = "_unreadable"
NOT_READ = (".zst", ".lz4", ".snappy", ".deflate", ".lzo", ".xz", ".zip", ".7z", ".tar", ".tgz", ".parquet", ".orc",
            ".avro", ".xlsx", ".xls")  # fmt: skip
"""Endings of files that hold no lines of text, or that Spark would fail on and end the whole stream."""
NAME_BYTES = 255
"""The longest name that a file may have."""
MOST_LINES = 2**31 - 1
"""The greatest number that a line can have in bronze."""
_TOO_MANY_LINES = "it has more lines than can be numbered: send it in parts"


def set_aside_unreadable(folder: Path, landed: Collection[Path], limits: Limits) -> list[Path]:
    """Move out of the reader's way whatever would end, hang or mislead the whole stream.

    It goes to ``_unreadable/`` beside it, and a one-line notice with its name, size, SHA-256 and the reason takes its
    place, so that it is counted.

    Args:
        folder: A source's landing folder.
        landed: Files that were looked at and have been read.
        limits: What the source's contract allows.

    Returns:
        Where they are now.

    Raises:
        OSError: If something cannot be moved.
        DataError: If ``_unreadable`` is no folder.
    """
    _remove_left_drafts(folder)
    moved = []
    for path, status in entries(folder):
        reason = _kind_fault(path, status)
        if not reason and path not in landed:
            reason = _content_fault(path, status.st_size, limits)
        if reason:
            moved.append(_set_aside(path, status, reason))
    return moved


def notice(path: Path, reason: str, size: int | None, digest: str | None, mark: str) -> Path:
    """Put a notice of ``path`` where the reader finds it.

    Args:
        path: What it tells of.
        reason: Why that is not read.
        size: Its bytes, where they are known.
        digest: Its SHA-256, where it is known.
        mark: Eight letters that tell this occurrence from others of that name.
    """
    told = {MARK: path.name, "reason": reason, "bytes": size, "sha256": digest}
    with draft(path.parent, AS_ANY) as made:
        made.file.write(json.dumps(told).encode() + b"\n")
        return made.put(path.with_name(_fitting("", path.name, f".{mark}.unreadable")))


def aside(folder: Path) -> Path:
    """``_unreadable`` in a folder, made if it is not there.

    Raises:
        DataError: If something else has that name, such as a link, through which files would leave the landing folder.
    """
    path = folder / FOLDER
    with contextlib.suppress(FileExistsError):
        path.mkdir()
    if not stat.S_ISDIR(path.lstat().st_mode):
        raise DataError(f"{FOLDER} is a link or a file and not a folder", str(path), "remove it")
    return path


def _remove_left_drafts(folder: Path) -> None:
    """Remove what a run that died was writing: it lies beside a file that is still there, or in ``_unreadable``."""
    parents = {path.parent for path, _ in entries(folder)}
    for parent in parents | {path / FOLDER for path in parents}:
        if parent.is_dir() and not parent.is_symlink() and may_look_into(parent):
            for name in filter(is_draft, os.listdir(parent)):
                (parent / name).unlink()


def _kind_fault(path: Path, status: os.stat_result) -> str:
    """Why something is no file to be read, whatever is in it."""
    mode = status.st_mode
    if stat.S_ISLNK(mode):
        return "links are not followed: put the file itself there"
    if stat.S_ISDIR(mode) and may_look_into(path):
        return f"a folder that lies too deep: at most {DEEPEST} in one another are looked into"
    if stat.S_ISDIR(mode):
        return "a folder that may not be looked into: give the user that runs Clew the right to read it"
    if not stat.S_ISREG(mode):
        return "neither a file nor a folder"
    try:
        path.name.encode("utf-8")
    except UnicodeEncodeError:
        return "its name is not UTF-8, and the reader could not find it by that name"
    if not os.access(path, os.R_OK):
        return "it may not be read: give the user that runs Clew the right to read it"
    return ""


def _content_fault(path: Path, size: int, limits: Limits) -> str:
    ending = path.suffix.lower()
    if ending in NOT_READ:
        return f"files of the kind {ending} are not read: send text, or text as .gz or .bz2"
    if ending in READ:
        return _packed_fault(path, limits)
    # Fewer bytes than that are fewer lines, so hardly any file is read here.
    if size >= MOST_LINES and _line_ends(path) >= MOST_LINES:
        return _TOO_MANY_LINES
    return ""


def _packed_fault(path: Path, limits: Limits) -> str:
    expanded = lines = 0
    try:
        for part in unpacked(path):
            expanded += len(part)
            lines += part.count(b"\n")
            if expanded > limits.max_expanded_bytes:
                return (
                    f"it unpacks to more than {limits.max_expanded_bytes} bytes: send it in parts, or raise "
                    "limits.max_expanded_bytes of the source"
                )
            if lines >= MOST_LINES:
                return _TOO_MANY_LINES
    except (OSError, EOFError, zlib.error) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _line_ends(path: Path) -> int:
    with path.open("rb") as file:
        return sum(part.count(b"\n") for part in iter(lambda: file.read(CHUNK), b""))


def _set_aside(path: Path, status: os.stat_result, reason: str) -> Path:
    size, digest = None, None
    if stat.S_ISREG(status.st_mode) and os.access(path, os.R_OK):
        size, digest = status.st_size, _sha256(path)
    # What has no content to tell it by is told by when it came.
    mark = (digest or hashlib.sha256(f"{path.name!a} {status.st_ctime_ns}".encode()).hexdigest())[:8]
    if stat.S_ISDIR(status.st_mode):  # into another folder it could not be moved without the right to write to it
        target = path.with_name(_fitting(f"{FOLDER}-{mark}-", path.name.replace("=", "_"), ""))
    else:
        target = aside(path.parent) / _fitting(f"{mark}-", path.name, "")
    # The notice first: a run that dies between the two finds the file again, and writes the same notice.
    notice(path, reason, size, digest, mark)
    path.rename(target)
    return target


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _fitting(before: str, name: str, after: str) -> str:
    """A name of at most 255 bytes, cut in its middle part, and UTF-8 whatever the name was."""
    clean = name.encode("utf-8", "backslashreplace")
    room = NAME_BYTES - len(before.encode()) - len(after.encode())
    return before + clean[:room].decode("utf-8", "ignore") + after

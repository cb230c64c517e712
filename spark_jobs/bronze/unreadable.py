"""Files that cannot be read: set aside, and told of in a line that lands and is quarantined like any other."""

import bz2
import datetime
import gzip
import hashlib
import json
import zlib
from collections.abc import Callable
from pathlib import Path

MARK = "clew_unreadable_file"
FOLDER = "_unreadable"
READ: dict[str, Callable[[Path], gzip.GzipFile | bz2.BZ2File]] = {".gz": gzip.GzipFile, ".bz2": bz2.BZ2File}
NOT_READ = (".zst", ".lz4", ".snappy", ".deflate", ".lzo", ".xz", ".zip", ".7z", ".tar", ".tgz", ".parquet", ".orc",
            ".avro", ".xlsx", ".xls")  # fmt: skip
"""Endings of files that hold no lines of text, or that Spark would fail on and end the whole stream."""


def set_aside_unreadable(folder: Path, changed_since: datetime.datetime) -> list[Path]:
    """Move broken .gz and .bz2, and what is no text, out of the reader's way; one would end the whole stream.

    The broken file goes to ``_unreadable/`` beside it, and a one-line notice with its name, size, SHA-256 and the
    reason takes its place, so that it is counted.

    Args:
        folder: A source's landing folder.
        changed_since: Files that came before this have been looked at by an earlier run.

    Returns:
        Where the files are now.
    """
    moved = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
        if hidden or path.suffix.lower() not in (*READ, *NOT_READ) or not path.is_file():
            continue
        if path.stat().st_ctime < changed_since.timestamp():
            continue
        reason = _fault(path)
        if reason:
            moved.append(_set_aside(path, reason))
    return moved


def _fault(path: Path) -> str:
    ending = path.suffix.lower()
    if ending in NOT_READ:
        return f"files of the kind {ending} are not read: send text, or text as .gz or .bz2"
    try:
        with READ[ending](path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _set_aside(path: Path, reason: str) -> Path:
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    target = path.parent / FOLDER / f"{digest[:8]}-{path.name}"
    target.parent.mkdir(exist_ok=True)
    notice = {MARK: path.name, "reason": reason, "bytes": len(content), "sha256": digest}
    draft = path.with_name(f"_{path.name}.unreadable")
    draft.write_text(json.dumps(notice) + "\n", encoding="utf-8")
    # The notice first: a run that dies between the two finds the file again, and writes the same notice.
    draft.replace(path.with_name(f"{path.name}.{digest[:8]}.unreadable"))
    path.replace(target)
    return target

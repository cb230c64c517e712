"""Files that cannot be decompressed: set aside, and told of in a line that lands and is quarantined like any other."""

import datetime
import gzip
import hashlib
import json
import zlib
from pathlib import Path

MARK = "clew_unreadable_file"
FOLDER = "_unreadable"


def set_aside_unreadable(folder: Path, changed_since: datetime.datetime) -> list[Path]:
    """Move each broken .gz of a landing folder out of the reader's way; one of them would end the whole stream.

    The broken file goes to ``_unreadable/`` beside it, and a one-line notice with its name, size, SHA-256 and the
    reason takes its place, so that it is counted.

    Args:
        folder: A source's landing folder.
        changed_since: Files that came before this have been looked at by an earlier run.

    Returns:
        Where the files are now.
    """
    moved = []
    for path in sorted(folder.rglob("*.gz")):
        hidden = any(part.startswith(("_", ".")) for part in path.relative_to(folder).parts)
        if hidden or path.stat().st_ctime < changed_since.timestamp():
            continue
        reason = _fault(path)
        if reason:
            moved.append(_set_aside(path, reason))
    return moved


def _fault(path: Path) -> str:
    try:
        with gzip.open(path) as file:
            while file.read(1 << 20):
                pass
    except (OSError, EOFError, zlib.error) as error:
        return f"{type(error).__name__}: {error}"
    return ""


def _set_aside(path: Path, reason: str) -> Path:
    content = path.read_bytes()
    target = path.parent / FOLDER / path.name
    target.parent.mkdir(exist_ok=True)
    digest = hashlib.sha256(content).hexdigest()
    notice = {MARK: path.name, "reason": reason, "bytes": len(content), "sha256": digest}
    draft = path.with_name(f"_{path.name}.unreadable")
    draft.write_text(json.dumps(notice) + "\n", encoding="utf-8")
    path.replace(target)
    draft.replace(path.with_name(f"{path.name}.{digest[:8]}.unreadable"))
    return target

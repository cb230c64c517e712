"""Folders that are handed over: written whole under a hidden name, made visible by one rename, readable by their owner.

They hold addresses of people, so folders are 700 and files 600.
"""

import csv
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import DataError

if TYPE_CHECKING:
    import duckdb

DATA, RETRACTIONS, MANIFEST = "data.csv", "retractions.csv", "manifest.json"
_PRIVATE_FOLDER, _PRIVATE_FILE = 0o700, 0o600


@contextmanager
def staging(final: Path) -> Iterator[Path]:
    """A hidden folder beside a place, for the block to fill; nothing of it stays if the block fails.

    Yields:
        The folder, ``_<name>``. What a process that was killed left there, or beside it, is removed first.
    """
    staged = final.with_name(f"_{final.name}")
    for left in final.parent.glob("_*"):  # of another release, too: the run after a kill may publish the next one
        shutil.rmtree(left)
    staged.parent.mkdir(parents=True, exist_ok=True, mode=_PRIVATE_FOLDER)
    staged.mkdir(mode=_PRIVATE_FOLDER)
    try:
        yield staged
    except BaseException:
        shutil.rmtree(staged, ignore_errors=True)  # addresses do not stay lying about in a file that nobody wants
        raise


def publish(staged: Path) -> Path:
    """Make a staged folder visible, in one rename."""
    final = staged.with_name(staged.name.removeprefix("_"))
    sync_folder(staged)
    staged.rename(final)
    sync_folder(final.parent)
    return final


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    """Write rows under a header as they come, and see them on the disk.

    Returns:
        How many they were.
    """
    written = 0
    with os.fdopen(_opened(path), "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow(row)
            written += 1
        file.flush()
        os.fsync(file.fileno())
    return written


def write_table(connection: "duckdb.DuckDBPyConnection", table: str, path: Path) -> None:
    """Write a table of a connection under a header, NULL as nothing, and see it on the disk; no row passes Python.

    Args:
        connection: Has the table.
        table: Its name; its rows are written in the order in which it was filled.
        path: Where to.
    """
    os.close(_opened(path))  # nobody else may read it from the first byte on; the rows are written into that very file
    place = str(path).replace("'", "''")
    connection.execute(f"COPY {table} TO '{place}' (FORMAT csv, HEADER, USE_TMP_FILE false)")
    with path.open("rb") as file:
        os.fsync(file.fileno())


def write_manifest(path: Path, manifest: Mapping[str, Any]) -> None:
    """Write a manifest, and see it on the disk."""
    with os.fdopen(_opened(path), "w", encoding="utf-8") as file:
        file.write(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(file.fileno())


def read_manifest(folder: Path) -> dict[str, Any]:
    """The manifest of a folder.

    Raises:
        DataError: If it is no JSON any more.
    """
    path = folder / MANIFEST
    try:
        manifest: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(
            "the manifest of an export cannot be read: it was altered or cut off",
            str(path),
            "take the folder away; if its release is the latest, the next export writes the same rows again",
        ) from error
    return manifest


def described(path: Path) -> dict[str, Any]:
    """What a manifest says of a file: its name, bytes and SHA-256."""
    return {"file": path.name, "bytes": path.stat().st_size, "sha256": sha256(path)}


def is_as_described(folder: Path, told: Mapping[str, Any]) -> bool:
    """Whether a file of a folder is the one that its manifest describes."""
    path = folder / Path(str(told["file"])).name
    return path.is_file() and path.stat().st_size == told["bytes"] and sha256(path) == told["sha256"]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hex digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def show_csv(connection: "duckdb.DuckDBPyConnection", name: str, path: Path, *, temporary: bool = True) -> None:
    """Show a file that was written here as a view, every column as text, an empty value as NULL."""
    place = str(path).replace("'", "''")
    connection.execute(
        f"CREATE OR REPLACE {'TEMP ' if temporary else ''}VIEW {name} AS SELECT * FROM read_csv('{place}', "
        "header = true, all_varchar = true, nullstr = '', delim = ',', quote = '\"', escape = '\"')"
    )


def sync_folder(path: Path) -> None:
    """See the names in a folder on the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    return os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, _PRIVATE_FILE)

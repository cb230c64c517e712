"""Whether the files of the tables are as their logs say, and how a table that can be computed anew begins anew.

A Delta log names every file with its size and its rows. A disk, a person or a sync tool can still cut a file off, take
it away, or spoil an entry of the log; no commit of ours does.
"""

import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

SET_ASIDE = "_damaged"
"""The folder of the lake for tables that were replaced; nothing reads it."""
RESTORE = "restore"
"""The lock of whoever puts a table in the place of another, or makes one that is missing. It is taken last, after those
of steps and tables: while a restore has its table away, nobody makes an empty one there."""
_DRAFT = ".new"
_ENTRY = re.compile(r"(\d{20})\.json")
_CHECKPOINT = re.compile(r"(\d{20})\.checkpoint\..*parquet")


@dataclass(frozen=True)
class Damage:
    """A file of a table that is not as it should be.

    Attributes:
        table: The table.
        file: The file, relative to the folder of the table.
        what: What is wrong with it.
        is_hint: Only a note to readers is wrong; without it, the table can be read.
    """

    table: str
    file: str
    what: str
    is_hint: bool = False


def damages(lake: "Lake", tables: Iterable[str] | None = None) -> list[Damage]:
    """Hold the files of tables against their logs; of data files the sizes, the endings and the numbers of rows.

    Args:
        lake: The lake.
        tables: Which tables; None is all.
    """
    chosen = [*lake.tables(), *half_restored(lake)] if tables is None else tables
    return [damage for table in chosen for damage in _of(lake, table)]


def newest_version(log: Path) -> int:
    """The newest version that the file names of a log tell, whatever their content."""
    names = [path.name for path in log.glob("*")]
    told = (_ENTRY.fullmatch(name) or _CHECKPOINT.match(name) for name in names)
    return max((int(found[1]) for found in told if found), default=0)


def drop_hint(lake: "Lake", table: str) -> None:
    """Remove the note of the last checkpoint; readers then begin with the first entry, or find the checkpoint."""
    (_log(lake, table) / "_last_checkpoint").unlink(missing_ok=True)


def begin_anew(lake: "Lake", table: str) -> Path:
    """Set a table aside, whole, and begin it anew, without rows, at the version after its newest and any set aside.

    The versions before are gone: a release that names one says so when it is read, and never shows other rows.

    Returns:
        Where the damaged table is now.
    """
    folder = Path(lake.path(table))
    # In the same place, so that a restricted table stays one; a folder deeper, so that nobody takes it for a table.
    home = folder.parents[1] / SET_ASIDE / folder.parent.name
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    begun = [int(path.suffix[1:]) for path in home.glob(f"{folder.name}.*") if path.suffix[1:].isdecimal()]
    version = max([newest_version(_log(lake, table)), *begun]) + 1
    aside, draft = home / f"{folder.name}.{version}", home / f"{folder.name}{_DRAFT}"
    shutil.rmtree(draft, ignore_errors=True)
    _make_empty(lake, table, draft, version)
    with lake.lock(RESTORE):
        folder.rename(aside)
        draft.rename(folder)  # where a process died before it, finish_restores does it
    return aside


def _make_empty(lake: "Lake", table: str, folder: Path, version: int) -> None:
    """Make a table without rows that begins at a version."""
    import pyarrow as pa
    from deltalake import DeltaTable

    from lakehouse.lake import LOG_RETENTION
    from lakehouse.schema import arrow_schema

    declared = lake.contracts.tables.get(table)
    # A mart takes its columns from the model that replaces it.
    schema = arrow_schema(declared) if declared else pa.schema([("profile_id", pa.string())])
    made = DeltaTable.create(
        str(folder),
        schema=schema,
        name=table,
        description=declared.grain if declared else None,
        configuration={"delta.logRetentionDuration": LOG_RETENTION},
    )
    made.create_checkpoint()
    _renumber(folder / "_delta_log", version)


def half_restored(lake: "Lake") -> dict[str, Path]:
    """By table, what was to take its place when a restore died: the damaged one is aside, and nothing in its place."""
    places = lake.settings.places
    drafts = [path for root in (places.open, places.restricted) for path in root.glob(f"{SET_ASIDE}/*/*{_DRAFT}")]
    named = {f"{path.parent.name}.{path.stem}": path for path in sorted(drafts)}
    return {table: draft for table, draft in named.items() if not lake.exists(table) and _aside_of(draft).exists()}


def finish_restores(lake: "Lake") -> dict[str, Path]:
    """Put in its place what restores that died had ready; call it under the lock ``RESTORE``.

    Returns:
        By table, where the damaged one is.
    """
    finished = {}
    for table, draft in half_restored(lake).items():
        finished[table] = _aside_of(draft)
        draft.rename(draft.parents[2] / draft.parent.name / draft.stem)
    return finished


def _aside_of(draft: Path) -> Path:
    """Where a draft's restore sets the damaged table aside; half a draft has no number, and so no such folder."""
    return draft.with_suffix(f".{newest_version(draft / '_delta_log')}")


def _of(lake: "Lake", table: str) -> Iterator[Damage]:
    from deltalake import DeltaTable
    from deltalake.exceptions import DeltaError

    if not lake.exists(table):
        what = "it is missing: a restore died, or is at work; the next step that begins puts the new one in its place"
        yield Damage(table, "_delta_log", what)
        return
    in_log = list(_in_log(lake, table))
    yield from in_log
    if any(not damage.is_hint for damage in in_log):
        return
    try:
        opened = DeltaTable(lake.path(table))
        files = list(_added(opened))
    except (DeltaError, OSError, ValueError) as error:
        if not in_log:
            yield Damage(table, "_delta_log", f"the log cannot be read ({type(error).__name__})")
        return
    for name, size, rows in files:
        wrong = _wrong_with(Path(lake.path(table)) / name, size, rows)
        if wrong:
            yield Damage(table, name, wrong)


def _in_log(lake: "Lake", table: str) -> Iterator[Damage]:
    """What is wrong with the entries of a log after its last checkpoint, and with that."""
    log = _log(lake, table)
    names = sorted(path.name for path in log.iterdir())
    entries = {int(found[1]): name for name in names if (found := _ENTRY.fullmatch(name))}
    checkpoints = {int(found[1]) for name in names if (found := _CHECKPOINT.match(name))}
    start = max(checkpoints, default=0)
    hint = log / "_last_checkpoint"
    if hint.exists():
        try:
            noted = int(json.loads(hint.read_text(encoding="utf-8"))["version"])
            if noted not in checkpoints:
                yield Damage(table, f"_delta_log/{hint.name}", f"the checkpoint {noted} that it names is missing", True)
        except (ValueError, KeyError, TypeError):
            yield Damage(table, f"_delta_log/{hint.name}", "it is no JSON with a version", True)
    for version in sorted(checkpoints):
        name = next(name for name in names if name.startswith(f"{version:020}.checkpoint"))
        if version == start and (wrong := _wrong_with(log / name, None, None)):
            yield Damage(table, f"_delta_log/{name}", wrong)
    newest = max([*entries, start])
    first = start + 1 if checkpoints else 0
    for version in range(first, newest + 1):
        if version not in entries:
            yield Damage(table, f"_delta_log/{version:020}.json", "it is missing")
        elif not _is_entry(log / entries[version]):
            yield Damage(table, f"_delta_log/{entries[version]}", "it is no JSON, or is cut off")


def _is_entry(path: Path) -> bool:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return bool(lines) and all(isinstance(json.loads(line), dict) for line in lines if line)
    except ValueError:
        return False


def _added(table: "DeltaTable") -> Iterator[tuple[str, int, int | None]]:
    """Name, bytes and rows of each file of the newest version."""
    actions: Any = table.get_add_actions(flatten=True)
    columns = (actions[name].to_pylist() for name in ("path", "size_bytes", "num_records"))
    for name, size, rows in zip(*columns, strict=True):
        yield unquote(name), size, rows


def _wrong_with(path: Path, size: int | None, rows: int | None) -> str:
    """What is wrong with a Parquet file, in words; nothing where it is whole."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        there = path.stat().st_size
        if size is not None and there != size:
            return f"it has {there:,} bytes, and the log says {size:,}"
        found = pq.read_metadata(path).num_rows
    except FileNotFoundError:
        return "it is missing"
    except PermissionError:
        return "it may not be read"
    except (pa.ArrowException, OSError):
        return "it is no whole Parquet file"
    return f"it has {found:,} rows, and the log says {rows:,}" if rows is not None and found != rows else ""


def _renumber(log: Path, version: int) -> None:
    for path in list(log.iterdir()):
        if path.name.startswith(f"{0:020}"):
            path.rename(path.with_name(path.name.replace(f"{0:020}", f"{version:020}", 1)))
    hint = log / "_last_checkpoint"
    hint.write_text(json.dumps(json.loads(hint.read_text()) | {"version": version}))


def _log(lake: "Lake", table: str) -> Path:
    return Path(lake.path(table)) / "_delta_log"

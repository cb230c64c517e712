"""What Clew keeps beside the lake (logs, what dbt and Airflow leave): searched for the values of the erased."""

import re
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from lakehouse import spill
from lakehouse.erasing import PLAN
from lakehouse.intact import SET_ASIDE

if TYPE_CHECKING:
    from lakehouse.lake import Lake

NOT_SEARCHED = ("jars", "locks", spill.FOLDER)
"""Folders of ``.clew`` with nothing of people, and that of what processes at work have put aside and take with them."""
REQUESTS = "requests"
"""The folder of files that name who is to be erased; each goes when it was done."""
_TEXT = (".log", ".txt", ".json", ".jsonl", ".sql", ".yml", ".html", ".csv")
LEAST_LETTERS = 6
"""Shorter values would be found in anything."""
ERASED = b"[erased]"


def clean_state(lake: "Lake", values: Iterable[str]) -> dict[str, int]:
    """Take the values out of texts, and remove what dbt can make again. The caller holds the lock ``replay``.

    Returns:
        Files ``redacted``, ``removed`` and ``left`` because they are of another kind (Airflow's database).
    """
    from spark_jobs.silver.conform import clear_stage

    counts = {"redacted": 0, "removed": 0, "left": 0}
    clear_stage(lake)
    spill.clear(lake.settings.state)
    shutil.rmtree(lake.settings.state / "replay", ignore_errors=True)
    # Copies of tables that were put aside as damaged: nothing reads them, and what is in them may be anybody's.
    for root in (lake.settings.places.open, lake.settings.places.restricted):
        aside = root / SET_ASIDE
        counts["removed"] += sum(path.is_file() for path in aside.rglob("*"))
        shutil.rmtree(aside, ignore_errors=True)
    sought = [value.encode() for value in values]
    if not sought:
        return counts
    pattern = re.compile(b"|".join(re.escape(value) for value in sorted(sought, key=len, reverse=True)), re.IGNORECASE)
    for path in state_files(lake):
        content = path.read_bytes()
        if not pattern.search(content):
            continue
        if "target" in path.parts:
            path.unlink()
            counts["removed"] += 1
        elif path.suffix in _TEXT:
            mode = path.stat().st_mode & 0o7777
            draft = path.with_name(f".{path.name}.redacted")
            draft.write_bytes(pattern.sub(ERASED, content))
            draft.chmod(mode)
            draft.replace(path)
            counts["redacted"] += 1
        else:
            counts["left"] += 1
    return counts


def state_files(lake: "Lake") -> Iterator[Path]:
    """Every file below ``.clew`` but jars, locks, keys, requests for erasures and the plan of one."""
    state = lake.settings.state
    for path in sorted(state.rglob("*")):
        place = path.relative_to(state)
        is_ours = place.parts[0] in (*NOT_SEARCHED, REQUESTS) or place.suffix == ".key" or place.name.startswith(PLAN)
        if not is_ours and path.is_file() and not path.is_symlink():
            yield path

"""Which engine compares pairs: DuckDB while what it needs fits the memory of this machine, Spark beyond.

Both give the same answer, so the choice is one of speed and of what is possible at all.
"""

import os
from pathlib import Path
from typing import Literal

Engine = Literal["duckdb", "spark"]
Choice = Literal["auto", "duckdb", "spark"]

BYTES_PER_RECORD = 16_000
"""What DuckDB and Arrow hold for one record of a lake and its pairs: 15,200 were measured in a crowd of a million."""
BYTES_PER_RECORD_OF_FILE = 4_000
"""The same for a record of a file of people: `clew resolve` of a million took 3.4 GB."""
SHARE_OF_MEMORY = 0.8
_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def engine_for(
    records: int, choice: Choice = "auto", memory: int | None = None, bytes_per_record: int = BYTES_PER_RECORD
) -> Engine:
    """The engine for so many records.

    Args:
        records: How many there are to resolve.
        choice: What the user wants (``CLEW_IDENTITY_ENGINE``); auto: by size.
        memory: Bytes that this process may use; None: ask the machine.
        bytes_per_record: What one record and its pairs take.
    """
    if choice != "auto":
        return choice
    available = memory_of_machine() if memory is None else memory
    return "spark" if records * bytes_per_record > SHARE_OF_MEMORY * available else "duckdb"


def memory_of_machine() -> int:
    """Bytes of memory, or of the container's limit where that is lower."""
    found = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    for path in _LIMITS:
        try:
            found = min(found, int(path.read_text()))
        except (OSError, ValueError):  # no such group, or "max"
            continue
    return found

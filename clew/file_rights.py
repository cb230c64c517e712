"""Whether what is private is closed to other users: keys, settings, logs, exports, certificates, tables of people."""

import json
from collections.abc import Iterator
from pathlib import Path

from clew.machine import Finding
from lakehouse.lake import Lake
from lakehouse.private import wrong_with
from lakehouse.settings import Settings
from lakehouse.settings_file import NAME as SETTINGS_FILE


def rights(settings: Settings) -> list[Finding]:
    """One finding for each fault, or one that there is none."""
    faults = [*_open(settings), *_misplaced(Lake(settings))]
    return faults or [
        Finding("rights", True, "keys, logs, exports, certificates and restricted tables are closed to other users")
    ]


def _open(settings: Settings) -> Iterator[Finding]:
    folders = [settings.state, settings.places.restricted, settings.exports, settings.certificates]
    files = [settings.state / SETTINGS_FILE, *sorted(settings.state.glob("*.key"))]
    for path in [*folders, *files]:
        if path.exists() and (wrong := wrong_with(path.stat(), path)):
            yield Finding("rights", False, f"{wrong[0]}.", wrong[1])


def _misplaced(lake: Lake) -> Iterator[Finding]:
    """Restricted tables that lie in the open, and open marts whose former versions held more than they may now."""
    places = lake.settings.places
    for name in lake.tables():
        path = places.found(name)
        if path is None or places.is_restricted(path):
            continue
        if lake.contracts.is_restricted(name):
            yield Finding(
                "rights", False, f"{name} can name or reach a person and lies in the open folder.", "clew run"
            )
        elif name in lake.contracts.marts:
            undeclared = sorted(_columns_ever(path) - set(lake.contracts.marts[name].privacy))
            if undeclared:
                what = f"{name} keeps versions with columns that it may not have now: {', '.join(undeclared)}."
                yield Finding("rights", False, what, f"rm -r {path} && clew run")


def _columns_ever(table: Path) -> set[str]:
    """Every column that a table has had, as far back as its log goes."""
    found: set[str] = set()
    for entry in sorted((table / "_delta_log").glob("*.json")):
        with entry.open(encoding="utf-8") as lines:
            for line in lines:
                if '"metaData"' in line[:40]:
                    schema = json.loads(json.loads(line)["metaData"]["schemaString"])
                    found |= {field["name"] for field in schema["fields"]}
    return found

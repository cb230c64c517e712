"""What the commits of a table tell: which of them changed rows, and what was noted with the last that did."""

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_MAINTENANCE = {"OPTIMIZE", "VACUUM START", "VACUUM END", "SET TBLPROPERTIES"}
"""Commits that change no row."""
_LOOKED_AT = 20
"""Maintenance is rarer than runs: behind more of it than this, a note is as good as none."""


def has_the_rows_of(lake: "Lake", table: str, of_then: int) -> bool:
    """Whether a table still has the rows of a version: all its commits since are there to be read, and maintenance."""
    if not lake.exists(table):
        return False
    delta = lake.delta(table)
    since = delta.version() - of_then
    if since <= 0:
        return since == 0
    commits = delta.history(since)
    return len(commits) == since and all(commit["operation"] in _MAINTENANCE for commit in commits)


def note_of(lake: "Lake", table: str) -> dict[str, Any] | None:
    """What was noted with the last commit that changed rows, as ``Lake.write_df`` keeps it; None if nothing was."""
    for commit in lake.delta(table).history(_LOOKED_AT):
        if commit["operation"] not in _MAINTENANCE:
            note = commit.get("userMetadata")
            return json.loads(note) if note else None
    return None

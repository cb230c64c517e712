"""Where a table lies: in the folder that every reader may enter, or in the restricted one.

A table is restricted if it can hold what names a person, reaches them, or was typed by them (contracts.table). The two
kinds lie in folders of their own, so that the file system, a bucket policy or a catalog can keep readers out; a table
that is there already is read where it is.
"""

import os
import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = "restricted"
"""The restricted folder within a lake, where no setting says otherwise."""
_COMMIT = re.compile(r"\d{20}\.json")


@dataclass(frozen=True)
class Places:
    """The two folders of a lake, each with tables as ``<schema>/<table>``."""

    open: Path
    restricted: Path

    @classmethod
    def of(cls, lake: "str | Path | Places") -> "Places":
        """The places of a lake; of one that is given by its folder alone, with the restricted one inside."""
        if isinstance(lake, Places):
            return lake
        return cls(Path(lake), Path(lake) / FOLDER)

    def found(self, table: str) -> Path | None:
        """The folder of a table that is there, for whom may see it; None for others."""
        for root in (self.restricted, self.open):
            path = root.joinpath(*table.split(".", 1))
            if _is_begun(path / "_delta_log"):
                return path
        return None

    def tables(self) -> list[str]:
        """Names ``schema.table`` of the tables that can be seen, sorted."""
        logs = [log for root in (self.open, self.restricted) for log in root.glob("*/*/_delta_log") if _is_begun(log)]
        return sorted({f"{log.parent.parent.name}.{log.parent.name}" for log in logs})

    def is_restricted(self, path: Path) -> bool:
        """Whether a table's folder lies in the restricted place."""
        return path.is_relative_to(self.restricted)


def newest_commit(table: Path) -> int | None:
    """The version of the newest commit in a table's log; None where none can be seen."""
    try:
        with os.scandir(table / "_delta_log") as entries:
            return max((int(entry.name[:20]) for entry in entries if _COMMIT.fullmatch(entry.name)), default=None)
    except OSError:
        return None


def _is_begun(log: Path) -> bool:
    """Whether a log has an entry: Spark makes its folder first, and may be killed before the first commit."""
    try:
        with os.scandir(log) as entries:
            return any(entry.is_file() for entry in entries)
    except OSError:  # there is none, or it may not be entered
        return False

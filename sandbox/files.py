"""Writing the landing zone: whole files under their final names only, and a manifest of what is ours."""

from __future__ import annotations

import gzip
import json
import os
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from contracts.errors import UsageError
from sandbox.clock import Window

MANIFEST = ".sandbox.json"
RETAILER = "retailer"
"""The scenario of the real purchases, which sandbox.generate makes."""


@dataclass
class Landing:
    """The landing folder, the seed and size of the world, and the files that this package wrote there.

    Attributes:
        households: How many households, or people where a scenario has no households.
        scenario: Which world it is.
    """

    folder: Path
    seed: int
    households: int | None
    scenario: str = RETAILER
    files: dict[str, dict[str, Any]] = field(default_factory=dict)

    def begin(self, window: Window) -> bool:
        """Take back our files from the window's first day on; all of them, if they are of another world.

        Files that the manifest does not name are never touched. Returns whether earlier files of ours stay.

        Raises:
            UsageError: If the files are of another scenario: one lake is of one business.
        """
        path = self.folder / MANIFEST
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        other = known.get("scenario", RETAILER)
        if known and other != self.scenario:
            raise UsageError(
                f"the landing folder is of the scenario {other}, and cannot take files of {self.scenario}",
                str(self.folder),
                "use a workspace for each scenario: set CLEW_HOME to another folder",
            )
        is_same = known.get("seed") == self.seed and known.get("households") == self.households
        for name, facts in known.get("files", {}).items():
            if is_same and facts["since"] < window.since.isoformat() and not facts["is_unfinished"]:
                self.files[name] = facts
                continue
            file = (self.folder / name).resolve()
            if file.is_relative_to(self.folder.resolve()):
                file.unlink(missing_ok=True)
        self.finish()
        return bool(self.files)

    def write(self, source: str, name: str, data: bytes, window: Window, **facts: Any) -> None:
        """Write one file, compressed if its name ends in .gz, and note it.

        Args:
            source: the folder under landing/.
            name: the file's name.
            data: its content.
            window: the days it holds.
            facts: what the manifest says of it, counts above all.
        """
        folder = self.folder / source
        folder.mkdir(parents=True, exist_ok=True)
        hidden = folder / f"_{name}"
        # No clock in the header: the same content gives the same bytes.
        hidden.write_bytes(gzip.compress(data, compresslevel=3, mtime=0) if name.endswith(".gz") else data)
        self.files[f"{source}/{name}"] = {
            "since": window.since.isoformat(),
            "until": window.until.isoformat(),
            "is_unfinished": name.endswith(".tmp"),
            **facts,
        }
        # Noted before it appears: whatever kills us, the next call knows every file of ours.
        self.finish()
        os.replace(hidden, folder / name)

    def finish(self) -> None:
        """Write the manifest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {
            "made_by": "sandbox",
            "seed": self.seed,
            "households": self.households,
            "scenario": self.scenario,
            "dirt": dict(sorted(self.dirt().items())),
            "files": dict(sorted(self.files.items())),
        }
        hidden = self.folder / f"_{MANIFEST}"
        hidden.write_text(json.dumps(content, indent=1) + "\n")
        os.replace(hidden, self.folder / MANIFEST)

    def dirt(self) -> Counter[str]:
        """Return how often each kind of dirt occurs in our files."""
        total: Counter[str] = Counter()
        for facts in self.files.values():
            total.update(facts["dirt"])
        return total

"""The numbers of what survives, in docs/benchmarks.md: kills, a replay against the first run, a day against the whole.

``python -m tests.bench_replay [HOUSEHOLDS]`` prints the section; ``all`` is the full sandbox.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from tests.chaos.__main__ import chaos

CHECKOUT = Path(__file__).resolve().parents[1]
KILLED_HOUSEHOLDS, TRIALS, KILLS, SEED = 3, 13, 3, 1


def section(households: str = "all") -> str:
    """The section of docs/benchmarks.md.

    Args:
        households: How many the replayed sandbox has; kills take place in a small one.
    """
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        killed = chaos(KILLED_HOUSEHOLDS, TRIALS, KILLS, SEED, Path(folder))
    return (
        f"## What survives\n\nThe second day of a sandbox of {KILLED_HOUSEHOLDS} households, killed (SIGKILL) at every "
        "step's beginning and at moments by a seed; compared with an undisturbed run: contents of all tables, exports, "
        f"accounts, audit. Wanted: as many survived as tried.\n\n{killed.table()}\n\n{_replayed(households)}"
    )


def _replayed(households: str) -> str:
    """A demo, and a replay of it, as processes of their own."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        home = Path(folder)
        (home / ".clew").mkdir()
        (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
        outcome = _called(home, "demo", "--households", households, "--json")
        replayed = _called(home, "replay", "--json")
    first, day = (run["seconds"] for run in outcome["runs"])
    differing = sum(not item["equal"] for item in replayed["tables"])
    return (
        f"### A replay and a day, {households} households\n\n"
        "| what | seconds | against the first run | wanted |\n| --- | ---: | ---: | ---: |\n"
        f"| first run: a year less a day | {first:.0f} | 1 | |\n"
        f"| second run: one day | {day:.0f} | {day / first:.0%} | 10 % |\n"
        f"| `clew replay`: silver, identity and gold from bronze, and comparing | {replayed['seconds']:.0f} | "
        f"{replayed['seconds'] / first:.0%} | |\n\n"
        f"{len(replayed['tables'])} tables compared, {differing} differ."
    )


def _called(home: Path, *arguments: str) -> Any:
    environment = os.environ | {"CLEW_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "clew", *arguments]
    ran = subprocess.run(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if not ran.stdout:
        raise SystemExit(ran.returncode)  # the command has said why
    return json.loads(ran.stdout)


if __name__ == "__main__":
    print(section(*sys.argv[1:2]))

"""The numbers of what survives: kills; a replay against the first run, and a day against the whole."""

import datetime
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from lakehouse.lake import Lake
from lakehouse.settings import Settings
from tests.chaos.__main__ import chaos, rights

CHECKOUT = Path(__file__).resolve().parents[1]
KILLED_HOUSEHOLDS, TRIALS, KILLS, SEED = 6, 13, 2, 3


def kills() -> str:
    """The section on kills: one at each step's beginning, and one at a moment in each, in a small sandbox."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        killed = chaos(KILLED_HOUSEHOLDS, TRIALS, KILLS, SEED, Path(folder) / "whole")
        erased = rights(TRIALS, KILLS, SEED, Path(folder) / "rights")
    return (
        f"## Kills\n\nThe second day of a sandbox of {KILLED_HOUSEHOLDS} households, killed (SIGKILL) at every step's "
        "beginning and at a moment in each by a seed, then run to its end; compared with an undisturbed run: contents "
        f"of all tables, exports, retractions, ledgers, accounts, audit. Wanted: as many survived as "
        f"tried.\n\n{killed.table()}\n"
        f"An erasure, retention, and the release and exports after them, of a lake of a few people:\n\n{erased.table()}"
    )


def section(households: str = "all") -> str:
    """The section on a replay of a demo of so many households, each as a process of its own."""
    with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
        home = Path(folder)
        (home / ".clew").mkdir()
        (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
        outcome = _called(home, "demo", "--households", households, "--json")
        of_day = _touched(home)
        empty = _called(home, "run", "--date", _day_after(outcome), "--json")
        replayed = _called(home, "replay", "--json")
    runs = [*outcome["runs"], *empty["runs"]]
    first, day, idle = (run["seconds"] for run in runs)
    differing = sum(not item["equal"] for item in replayed["tables"])
    return (
        f"## A replay and a day, {households} households\n\n"
        "| what | seconds | against the first run | wanted |\n| --- | ---: | ---: | ---: |\n"
        f"| first run: a year less a day | {first:.0f} | 1 | |\n"
        f"| second run: one day | {day:.0f} | {day / first:.0%} | 10 % |\n"
        f"| a day on which nothing came, in a process of its own | {idle:.0f} | {idle / first:.0%} | |\n"
        f"| `clew replay`: silver, identity and gold from bronze, and comparing | {replayed['seconds']:.0f} | "
        f"{replayed['seconds'] / first:.0%} | |\n\n"
        f"{_by_step(runs)}\n\n{of_day} The empty day is what the steps cost however little landed, with a JVM that has "
        "just started; the day before it had the warm one of the first run.\n\n"
        f"{len(replayed['tables'])} tables compared, {differing} differ."
    )


def _by_step(runs: Sequence[Any]) -> str:
    head = "| step | first run, s | a day, s | an empty day, s |\n| --- | ---: | ---: | ---: |"
    by_run = [run["steps"] for run in runs]
    rows = [f"| {step} | {' | '.join(f'{steps.get(step, 0):.1f}' for steps in by_run)} |" for step in by_run[0]]
    return "\n".join([head, *rows])


def _touched(home: Path) -> str:
    """How much of all there is the second day brought, and how many people it is of."""
    with Lake(Settings(home=home)).duck(only=["gold.events"]) as connection:
        ((new, events, people, all_people),) = connection.execute(
            """SELECT count(*) FILTER (landing = 2), count(*),
                      count(DISTINCT profile_id) FILTER (landing = 2), count(DISTINCT profile_id) FROM gold.events"""
        ).fetchall()
    return (
        f"The day brought {new:,} of {events:,} events ({new / events:.1%}), of {people:,} of {all_people:,} profiles "
        f"({people / all_people:.1%})."
    )


def _day_after(outcome: Any) -> str:
    last = datetime.date.fromisoformat(outcome["runs"][-1]["as_of"])
    return (last + datetime.timedelta(days=1)).isoformat()


def _called(home: Path, *arguments: str) -> Any:
    environment = os.environ | {"CLEW_HOME": str(home), "PYTHONPATH": str(CHECKOUT)}
    command = [sys.executable, "-m", "clew", *arguments]
    ran = subprocess.run(command, cwd=home, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if not ran.stdout:
        raise SystemExit(ran.returncode)  # the command has said why
    return json.loads(ran.stdout)

"""`make chaos`: kills runs at every step's beginning and at moments in each by a seed, and shows what came of it.

``python -m tests.chaos [--households 6] [--trials 13] [--kills 3] [--seed 1]``
"""

import argparse
import datetime
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.chaos import bases
from tests.chaos.harness import Chaos, Trial
from tests.conftest import SmallLake, small_lake

FORGET_DAY = datetime.date(2017, 12, 30)


@dataclass(frozen=True)
class Outcome:
    """What came of all trials; seconds are wall-clock, of everything."""

    trials: list[Trial]
    changes: dict[str, int]
    seconds: float

    @property
    def tried(self) -> int:
        return sum(trial.tried for trial in self.trials)

    @property
    def survived(self) -> int:
        """Kills in workspaces that ended as an undisturbed one."""
        return sum(trial.tried for trial in self.trials if not trial.faults)

    def table(self) -> str:
        """As Markdown, a row a step, with every fault below."""
        killed = Counter((kill.step, kill.is_before) for trial in self.trials for kill in trial.kills if kill.landed)
        rows = "\n".join(
            f"| {step} | {changes} | {killed[step, True]} | {killed[step, False]} |"
            for step, changes in self.changes.items()
        )
        faults = "".join(f"\n- trial {trial.number}: {fault}" for trial in self.trials for fault in trial.faults)
        return (
            f"{sum(self.changes.values())} changes of files in an undisturbed run: {self.tried} kills tried, "
            f"{self.survived} survived, in {len(self.trials)} workspaces and {self.seconds:.0f} s.\n\n"
            "| step | changes of files | killed at its beginning | killed at one of them |\n"
            f"| --- | ---: | ---: | ---: |\n{rows}\n{faults}"
        )


def chaos(households: int, trials: int, kills: int, seed: int, scratch: Path, line: str = "whole") -> Outcome:
    """Let chaos loose on the second day of a small sandbox.

    Args:
        households: How many the sandbox has.
        trials: Workspaces; as many as there are steps has each step's beginning killed once.
        kills: Kills in each, before the run that is let finish.
        seed: Decides the moments.
        scratch: Where the workspaces are.
        line: ``whole``, or ``to_gold`` for a shorter one.
    """
    begin = time.monotonic()
    base = bases.two_days(households, scratch / "base", line)
    return _let_loose(Chaos(line, base, scratch, bases.LAST_DAY, seed), trials, kills, begin)


def rights(trials: int, kills: int, seed: int, scratch: Path) -> Outcome:
    """Let chaos loose on an erasure, retention, and the release and exports after them, of a lake of a few people.

    Args:
        trials: As of :func:`chaos`.
        kills: As of :func:`chaos`.
        seed: Decides the moments.
        scratch: Where the workspaces are.
    """
    begin = time.monotonic()
    small = SmallLake(small_lake(scratch / "base"))
    bases.SMALL["rights"](small)
    chaos_of_rights = Chaos("rights", small.lake.settings.home, scratch, FORGET_DAY, seed)
    return _let_loose(chaos_of_rights, trials, kills, begin)


def _let_loose(on: Chaos, trials: int, kills: int, begin: float) -> Outcome:
    found = []
    for number, planned in enumerate(on.plan(trials, kills)):
        trial = on.trial(number, planned)
        found.append(trial)
        sys.stderr.write(f"workspace {number + 1} of {trials}: {trial.tried} kills, {trial.faults or 'equal'}\n")
    return Outcome(found, on.changes, time.monotonic() - begin)


def main() -> None:
    """Print the table; exit with 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--line", choices=("whole", "to_gold"), default="whole", help="to_gold is shorter: no dbt")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where workspaces that differ stay to be looked at")
    for name, default in (("households", 6), ("trials", 13), ("kills", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clew-chaos-") as folder:
        scratch = (asked.keep or Path(folder)).absolute()
        outcomes = [chaos(asked.households, asked.trials, asked.kills, asked.seed, scratch / asked.line, asked.line)]
        if asked.line == "whole":
            outcomes.append(rights(asked.trials, asked.kills, asked.seed, scratch / "rights"))
    print("\n".join(outcome.table() for outcome in outcomes))
    raise SystemExit(any(outcome.survived < outcome.tried for outcome in outcomes))


if __name__ == "__main__":
    main()

"""`make chaos`: kills daily runs at every step's beginning and at moments by a seed, and shows what came of it.

``python -m tests.chaos [--households 3] [--trials 13] [--kills 3] [--seed 1]``
"""

import argparse
import datetime
import gzip
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lakehouse.settings import Settings
from tests.chaos import lines
from tests.chaos.harness import Chaos, Trial
from tests.hostile import corpus

CHECKOUT = Path(__file__).resolve().parents[2]
FIRST_DAY, LAST_DAY = datetime.date(2017, 1, 1), datetime.date(2017, 12, 31)


@dataclass(frozen=True)
class Outcome:
    """What came of all trials; seconds are wall-clock, of everything."""

    trials: list[Trial]
    moments: int
    seconds: float

    @property
    def tried(self) -> int:
        return sum(trial.tried for trial in self.trials)

    @property
    def survived(self) -> int:
        """Kills in workspaces that ended as an undisturbed one."""
        return sum(trial.tried for trial in self.trials if not trial.faults)

    def table(self) -> str:
        """As Markdown, with every fault below."""
        killed = Counter(
            f"before {kill.before}" if kill.before else "at a change of a file"
            for trial in self.trials
            for kill in trial.kills
            if kill.landed
        )
        rows = "\n".join(f"| {place} | {count} |" for place, count in sorted(killed.items()))
        faults = "".join(f"\n- trial {trial.number}: {fault}" for trial in self.trials for fault in trial.faults)
        return (
            f"{self.moments} changes of files in an undisturbed run: {self.tried} kills tried, "
            f"{self.survived} survived, in {len(self.trials)} workspaces and {self.seconds:.0f} s.\n\n"
            f"| killed | times |\n| --- | ---: |\n{rows}\n{faults}"
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
    base = two_days(households, scratch / "base", line)
    let_loose = Chaos(line, base, scratch, LAST_DAY, seed)
    found = []
    for number, planned in enumerate(let_loose.plan(trials, kills)):
        trial = let_loose.trial(number, planned)
        found.append(trial)
        sys.stderr.write(f"workspace {number + 1} of {trials}: {trial.tried} kills, {trial.faults or 'equal'}\n")
    return Outcome(found, let_loose.moments, time.monotonic() - begin)


def two_days(households: int, home: Path, line: str) -> Path:
    """A workspace after its first run, with the second day's files in landing/."""
    from clew.landing import LandingFiles

    (home / ".clew").mkdir(parents=True)
    (home / ".clew" / "jars").symlink_to(CHECKOUT / ".clew" / "jars")
    settings = Settings(home=home)
    before = LAST_DAY - datetime.timedelta(days=1)
    LandingFiles(settings, households, FIRST_DAY, before).wait(lambda *_: None)
    code = lines.apart(line, home, before)
    if code != lines.FINISHED:
        raise SystemExit(f"the first run failed: {(home / 'walk.log').read_text()[-2000:]}")
    LandingFiles(settings, households, LAST_DAY, LAST_DAY).wait(lambda *_: None)
    _put_odd_files(settings.landing / "web")
    return home


def _put_odd_files(folder: Path) -> None:
    """What a landing moves and rewrites before it reads: an archive that is cut off, and a line that is too long."""
    (folder / "cut.jsonl.gz").write_bytes(gzip.compress(b"{}\n" * 99, mtime=0)[:-9])
    sound = json.dumps(corpus.message("beside the long line")).encode()
    (folder / "long.jsonl").write_bytes(sound + b"\n" + b"x" * (2 * corpus.LONG_LINE) + b"\n" + sound + b"\n")


def main() -> None:
    """Print the table; exit with 1 where anything differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--line", choices=("whole", "to_gold"), default="whole", help="to_gold is shorter: no dbt")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="where workspaces that differ stay to be looked at")
    for name, default in (("households", 3), ("trials", 13), ("kills", 3), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="clew-chaos-") as folder:
        scratch = (asked.keep or Path(folder)).absolute()
        outcome = chaos(asked.households, asked.trials, asked.kills, asked.seed, scratch, asked.line)
    print(outcome.table())
    raise SystemExit(outcome.survived < outcome.tried)


if __name__ == "__main__":
    main()

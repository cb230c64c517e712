"""Kills a run again and again, lets the next one finish, and compares what is there with an undisturbed run's."""

import datetime
import itertools
import multiprocessing
import os
import random
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

from lakehouse.settings import Settings
from tests.chaos import lines
from tests.chaos.state import State, faults, state
from tests.chaos.watch import Watch

PASSED_OVER = ("logs", "jars", "locks", "warehouse", "dbt")
"""Folders in which no table, export or note lies: what changes there is no moment to be killed at."""
PRELOADED = ("tests.chaos.warm",)


@dataclass(frozen=True)
class Moment:
    """A change of a file, counted from the beginning of a step."""

    step: str
    change: int


@dataclass(frozen=True)
class Kill:
    """One kill, planned for a moment or for a step's beginning; whether it landed, and in which step it fell."""

    planned: Moment | str
    landed: bool
    step: str | None

    @property
    def is_before(self) -> bool:
        return isinstance(self.planned, str)


@dataclass
class Trial:
    """One workspace, in which runs were killed until one was let finish."""

    number: int
    kills: list[Kill] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)

    @property
    def tried(self) -> int:
        return sum(kill.landed for kill in self.kills)


class Chaos:
    """Runs a line of steps in processes that are killed.

    Args:
        line: A name of ``tests.chaos.lines.LINES``.
        base: A workspace from before the run; copied for each trial.
        scratch: Where trials take place.
        day: The date of the run.
        seed: Decides the moments of the kills.
    """

    def __init__(self, line: str, base: Path, scratch: Path, day: datetime.date, seed: int = 1) -> None:
        self.line, self.base, self.scratch, self.day = line, base, scratch, day
        self.random = random.Random(seed)
        # A server that has imported everything and started no thread makes each process in a fraction of a second.
        self.context = multiprocessing.get_context("forkserver")
        self.context.set_forkserver_preload(list(PRELOADED))
        settings = Settings(home=base)
        # Made now, since each copy would make its own.
        _ = settings.identity_key, settings.signing_key, settings.privacy_key
        undisturbed = self._home("undisturbed")
        watched, code = self._walk(undisturbed)
        self.changes = watched.changes
        if code != lines.FINISHED:
            raise AssertionError(f"the undisturbed run failed: {_end_of_log(undisturbed)}")
        self.expected = state(undisturbed)
        _hold_to_have_people(self.expected, list(self.changes))

    def trial(self, number: int, kills: list[Moment | str]) -> Trial:
        """Kill a run at each of these moments, one after another in one workspace; then let one finish, and compare.

        Args:
            number: Names the trial.
            kills: Moments to be killed at, or names of steps, at whose beginning.
        """
        home = self._home(f"trial-{number}")
        trial = Trial(number)
        for kill in kills:
            at, before = (None, kill) if isinstance(kill, str) else (kill, None)
            watched, code = self._walk(home, at, before)
            trial.kills.append(Kill(kill, landed=code == -signal.SIGKILL, step=watched.step))
            if code not in (lines.FINISHED, -signal.SIGKILL):
                trial.faults.append(f"a run after a kill failed with exit code {code}: {_end_of_log(home)}")
        _, code = self._walk(home)
        if code != lines.FINISHED:
            trial.faults.append(f"the last run failed with exit code {code}: {_end_of_log(home)}")
        else:
            trial.faults += faults(self.expected, state(home))
        if not trial.faults:
            shutil.rmtree(home)
        return trial

    def two_at_once(self) -> list[str]:
        """Run the line in two processes at the same time; what differs afterwards from an undisturbed run."""
        home = self._home("two-at-once")
        pair = [self.context.Process(target=lines.walk, args=(self.line, home, self.day, None)) for _ in range(2)]
        for process in pair:
            process.start()
        for process in pair:
            process.join()
        if [process.exitcode for process in pair] != [lines.FINISHED] * 2:
            return [f"one of two runs failed: {_end_of_log(home)}"]
        return faults(self.expected, state(home))

    def plan(self, trials: int, kills_each: int) -> list[list[Moment | str]]:
        """Kills for so many trials: every step's beginning in turn, and in every step in turn a moment by the seed.

        Within a trial the moments go along the line: what was done before a kill is not done again, so that a later
        run has next to nothing to be killed in there.
        """
        steps = list(self.changes)
        in_turn = itertools.cycle([step for step in steps if self.changes[step]])
        planned: list[list[Moment | str]] = []
        for number in range(trials):
            chosen = sorted(itertools.islice(in_turn, kills_each - 1), key=steps.index)
            kills: list[Moment | str] = [Moment(step, self.random.randint(1, self.changes[step])) for step in chosen]
            kills.insert(self.random.randint(0, len(kills)), steps[number % len(steps)])
            planned.append(kills)
        return planned

    def _home(self, name: str) -> Path:
        home = self.scratch / name
        shutil.copytree(self.base, home, symlinks=True)
        return home

    def _walk(self, home: Path, at: Moment | None = None, before: str | None = None) -> tuple[Watch, int]:
        """Run the line in a process; what was watched of it, and its exit code."""
        settings = Settings(home=home)
        folders = (settings.landing, settings.lake, settings.exports, settings.state)
        for folder in (*folders, home / lines.STEPS):
            folder.mkdir(parents=True, exist_ok=True)
        watch = Watch(folders, PASSED_OVER, home / lines.STEPS)
        process = self.context.Process(target=lines.walk, args=(self.line, home, self.day, before))
        process.start()
        assert process.pid is not None
        try:
            while process.is_alive():
                watch.wait(0.2)
                if at is not None and watch.since(at.step) >= at.change:
                    os.killpg(process.pid, signal.SIGKILL)
                    break
            process.join()
            watch.wait(0)
        finally:
            watch.close()
        assert process.exitcode is not None
        return watch, process.exitcode


def _hold_to_have_people(expected: State, steps: list[str]) -> None:
    """Refuse to compare nothing with nothing: who is handed over or retracted must be somebody."""
    handed_over = {"export": expected.exports, "retract": expected.retracted}
    empty = [step for step, rows in handed_over.items() if step in steps and not any(rows.values())]
    if empty:
        raise AssertionError(f"the undisturbed run has nobody in what these steps hand over: {', '.join(empty)}")


def _end_of_log(home: Path) -> str:
    return (home / "walk.log").read_text(errors="replace")[-1500:]

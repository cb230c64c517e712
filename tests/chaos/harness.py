"""Kills a run again and again, lets the next one finish, and compares what is there with an undisturbed run's."""

import csv
import datetime
import io
import itertools
import json
import multiprocessing
import os
import random
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lakehouse.content import OF_LANDINGS, contents
from lakehouse.lake import Lake
from lakehouse.seal import public_key
from lakehouse.settings import Settings
from tests.chaos import lines
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


@dataclass(frozen=True)
class State:
    """What an undisturbed run leaves: contents of tables, rows of exports, counts."""

    tables: dict[str, tuple[int, str]]
    exports: dict[str, list[tuple]]
    counts: dict[str, Any]


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
                trial.faults.append(f"a run after a kill failed: {_end_of_log(home)}")
        _, code = self._walk(home)
        if code != lines.FINISHED:
            trial.faults.append(f"the last run failed: {_end_of_log(home)}")
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


def state(home: Path) -> State:
    """What a workspace holds that must not depend on how often its runs were killed."""
    lake = Lake(Settings(home=home))
    accounts: Counter[str] = Counter()
    for row in lake.arrow("ops.row_counts").to_pylist():
        for name in ("lines", "headers", "unpacked", "kept", "duplicates", "quarantined", "erased"):
            accounts[f"{row['source']} {name}"] += row[name]
    tables = {name: (item.rows, item.hash) for name, item in contents(lake, leave_out=OF_LANDINGS).items()}
    exports = dict(_exports(lake))
    counts = {"accounts": dict(+accounts), "broken": list(_half_done(lake))}
    return State(tables, exports, counts)


def faults(expected: State, found: State) -> list[str]:
    """What differs, in sentences."""
    told = []
    for table in sorted({*expected.tables, *found.tables}):
        if expected.tables.get(table) != found.tables.get(table):
            told.append(f"{table}: {found.tables.get(table)} instead of {expected.tables.get(table)}")
    exported = expected.exports.items()
    told += [f"the export {name} differs" for name, rows in exported if rows != found.exports.get(name)]
    for name, value in expected.counts.items():
        if found.counts[name] != value:
            told.append(f"{name}: {found.counts[name]} instead of {value}")
    return told


def _exports(lake: Lake) -> Iterator[tuple[str, list[tuple]]]:
    """The rows of the newest export to each destination, but for the number of its release."""
    newest: dict[str, Path] = {}
    for manifest in sorted(lake.settings.exports.glob("*/[0-9]*/manifest.json")):
        newest[manifest.parent.parent.name] = manifest.parent
    for name, folder in newest.items():
        told = json.loads((folder / "manifest.json").read_text())
        text = (folder / told["data"]["file"]).read_text()
        rows = list(csv.DictReader(io.StringIO(text)))
        yield name, [tuple(value for column, value in row.items() if column != "release") for row in rows]


def _half_done(lake: Lake) -> Iterator[str]:
    """What a kill may have left half done: a release without a table, an export not sealed, an act not written down."""
    from activation.held import published_folders, published_retractions
    from activation.verify import verify
    from clew.audited import problems

    by_release: dict[int, set[str]] = {}
    for row in lake.arrow("ops.releases").to_pylist():
        by_release.setdefault(row["release"], set()).add(row["table_name"])
    whole = {name for name in lake.tables() if name.split(".")[0] in ("silver", "identity", "gold")}
    yield from (f"release {number} lacks tables" for number, names in by_release.items() if names != whole)
    if sorted(by_release) != list(range(1, len(by_release) + 1)):
        yield f"the releases are {sorted(by_release)}"
    for folder in sorted(lake.settings.exports.glob("*/*")):
        if folder.name.startswith("_"):
            yield f"{folder.parent.name}/{folder.name} was left"
    for folder in [*published_folders(lake), *published_retractions(lake)]:
        yield from verify(folder, [public_key(lake.settings)], lake).problems
    yield from problems(lake)
    yield from _half_erased(lake)


def _half_erased(lake: Lake) -> Iterator[str]:
    """What a kill may have left of an erasure: its plan, its request, or the erased in some byte."""
    from lakehouse.erasing import plan_file
    from spark_jobs.privacy import certificate, search

    state = lake.settings.state
    yield from (
        f"{file.name} was left" for file in [*state.glob(f"{plan_file(lake).name}*"), *state.glob("requests/*")]
    )
    for path in sorted(lake.settings.home.glob("certificates/*.json")):
        sealed = certificate.read(path, lake)
        declared = lake.contracts
        finder = search.for_hashes(lake.settings.privacy_key, sealed["hashes"], declared.sources, declared.identity)
        yield from (f"{path.name}: found in {place.file}" for place in search.search(lake, finder).places)


def _end_of_log(home: Path) -> str:
    return (home / "walk.log").read_text(errors="replace")[-1500:]

"""A run that is killed again and again ends where an undisturbed one does; the long form is `make chaos`."""

import datetime

import pytest

from tests.chaos import bases
from tests.chaos.harness import Chaos, Kill, Moment, Trial
from tests.chaos.lines import LINES
from tests.chaos.state import State, faults
from tests.chaos.watch import Watch


@pytest.mark.parametrize("line", ["people", "restore", "release", "rights"])
def test_runs_killed_at_any_moment_or_run_at_once_end_as_one_undisturbed(small, tmp_path, line) -> None:
    bases.SMALL.get(line, lambda _: None)(small)
    chaos = Chaos(line, small.lake.settings.home, tmp_path, datetime.date(2017, 12, 30))
    steps = list(LINES[line]())
    assert list(chaos.changes) == steps
    assert all(chaos.changes.values())
    _assert_every_step_is_killed(chaos, steps)
    trials = [chaos.trial(number, kills) for number, kills in enumerate(chaos.plan(trials=1, kills_each=5))]
    assert sum(trial.tried for trial in trials) >= 3
    assert {kill.step for trial in trials for kill in trial.kills} <= set(steps)
    assert [trial.faults for trial in trials] == [[]]
    assert chaos.two_at_once() == []


def _assert_every_step_is_killed(chaos: Chaos, steps: list[str]) -> None:
    """At its beginning and in the middle, in as many trials as there are steps, and along the line in each."""
    planned = chaos.plan(trials=len(steps), kills_each=3)
    moments = [[kill for kill in kills if isinstance(kill, Moment)] for kills in planned]
    assert {kill for kills in planned for kill in kills if isinstance(kill, str)} == set(steps)
    assert {moment.step for kills in moments for moment in kills} == set(steps)
    assert all(1 <= moment.change <= chaos.changes[moment.step] for kills in moments for moment in kills)
    assert all(kills == sorted(kills, key=lambda moment: steps.index(moment.step)) for kills in moments)


@pytest.mark.parametrize("kind", ["exports", "retracted", "ledgers"])
def test_a_row_lost_or_written_twice_is_told(kind: str) -> None:
    empty: dict = {"tables": {}, "exports": {}, "retracted": {}, "ledgers": {}, "counts": {}}
    none, one, two = (State(**empty | {kind: rows}) for rows in ({}, {"tool": ["ann"]}, {"tool": ["ann", "ann"]}))
    assert faults(one, one) == []
    told = [faults(expected, found) for expected, found in ((one, none), (one, two), (none, one))]
    assert [fault.split("differs: ")[1] for (fault,) in told] == [
        "1 rows are missing, 0 too many",
        "0 rows are missing, 1 too many",
        "0 rows are missing, 1 too many",
    ]


def test_a_line_that_hands_nobody_over_is_refused(small, tmp_path) -> None:
    small.release()
    with pytest.raises(AssertionError, match="nobody in what these steps hand over: retract"):
        Chaos("release", small.lake.settings.home, tmp_path, datetime.date(2017, 12, 30))


def test_changes_of_files_are_counted_by_the_step_that_made_them(tmp_path) -> None:
    lake, marks = tmp_path / "lake", tmp_path / "steps"
    lake.mkdir()
    marks.mkdir()
    watch = Watch([lake], marks=marks)
    (lake / "before any").write_bytes(b"")
    for step, files in (("land", 2), ("conform", 0), ("export", 1)):
        (marks / step).write_bytes(b"")
        for number in range(files):
            (lake / f"{step}-{number}").write_bytes(b"")
    watch.wait(0)
    watch.close()
    assert watch.changes == {"land": 4, "conform": 0, "export": 2}  # each is made, and closed after writing
    assert watch.step == "export"
    assert [watch.since(step) for step in ("land", "export", "forget")] == [6, 2, 0]


def test_the_table_tells_in_which_step_each_kill_fell() -> None:
    from tests.chaos.__main__ import Outcome

    kills = [
        Kill("land", True, "land"),
        Kill(Moment("land", 3), True, "export"),
        Kill(Moment("land", 9), False, "export"),
    ]
    told = Outcome([Trial(0, kills)], {"land": 4, "export": 9}, 1.0).table().splitlines()
    assert "2 kills tried, 2 survived" in told[0]
    assert told[4:6] == ["| land | 4 | 1 | 0 |", "| export | 9 | 0 | 1 |"]

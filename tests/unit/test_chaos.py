"""A run that is killed again and again ends where an undisturbed one does; the long form is `make chaos`."""

import datetime

import pytest

from tests.chaos.harness import Chaos


@pytest.mark.parametrize("line", ["people", "release"])
def test_runs_killed_at_any_moment_or_run_at_once_end_as_one_undisturbed(small, tmp_path, line) -> None:
    chaos = Chaos(line, small.lake.settings.home, tmp_path, datetime.date(2017, 12, 30))
    trials = [chaos.trial(number, kills) for number, kills in enumerate(chaos.plan(trials=1, kills_each=5))]
    assert sum(trial.tried for trial in trials) >= 4
    assert [trial.faults for trial in trials] == [[]]
    assert chaos.two_at_once() == []

"""A run that is killed again and again ends where an undisturbed one does; the long form is `make chaos`."""

import datetime

import pytest

from tests.chaos.harness import Chaos


@pytest.mark.parametrize("line", ["people", "release"])
def test_a_run_killed_at_any_moment_and_finished_is_as_if_never_killed(small, tmp_path, line) -> None:
    chaos = Chaos(line, small.lake.settings.home, tmp_path, datetime.date(2017, 12, 30))
    trials = [chaos.trial(number, kills) for number, kills in enumerate(chaos.plan(trials=2, kills_each=4))]
    assert sum(trial.tried for trial in trials) >= 6
    assert [trial.faults for trial in trials] == [[], []]

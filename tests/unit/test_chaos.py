"""A run that is killed again and again ends where an undisturbed one does; the long form is `make chaos`."""

import datetime
from typing import Any

import pytest

from tests import erasable
from tests.chaos.harness import Chaos
from tests.chaos.lines import REQUEST


@pytest.mark.parametrize("line", ["people", "release", "rights"])
def test_runs_killed_at_any_moment_or_run_at_once_end_as_one_undisturbed(small, tmp_path, line) -> None:
    if line == "rights":
        _to_be_erased(small)
    chaos = Chaos(line, small.lake.settings.home, tmp_path, datetime.date(2017, 12, 30))
    trials = [chaos.trial(number, kills) for number, kills in enumerate(chaos.plan(trials=1, kills_each=5))]
    assert sum(trial.tried for trial in trials) >= 3
    assert [trial.faults for trial in trials] == [[]]
    assert chaos.two_at_once() == []


def _to_be_erased(small: Any) -> None:
    """Ann asked to be erased, and two visits are past their period."""
    erasable.age(small)
    erasable.make(small)
    request = small.lake.settings.state / "requests" / REQUEST
    request.parent.mkdir()
    request.write_text("phone:+18005550100\n", encoding="utf-8")

"""Silver stands still for a run between its conform and its release: the hourly run gives way, and only then."""

import datetime as dt
from pathlib import Path

import pytest

from lakehouse.errors import EnvironmentFault
from lakehouse.hold import GAP, HOURLY, give_way, under_way
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings

DAY = dt.date(2017, 12, 31)
DAILY, OF_THE_HOUR = Run("scheduled__1", DAY), Run(f"{HOURLY}scheduled__1", DAY)


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    return Lake(Settings(home=tmp_path))


def now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def does(lake: Lake, run: Run, *steps: str) -> None:
    for name in steps:
        with run.step(lake, name):
            pass


def test_nothing_is_under_way_before_the_first_run_and_after_a_release(lake: Lake) -> None:
    assert under_way(lake, now()) is None
    does(lake, DAILY, "land", "conform", "gate_silver", "release", "export")
    assert under_way(lake, now()) is None


@pytest.mark.parametrize("last", ["conform", "gate_silver", "build_marts", "gate_gold"])
def test_between_conform_and_release_the_hourly_run_leaves_with_a_word_that_is_tried_again(
    lake: Lake, last: str
) -> None:
    does(lake, DAILY, "land", "conform", last)
    with pytest.raises(EnvironmentFault, match="between its conform and its release") as left:
        give_way(lake, OF_THE_HOUR)
    assert left.value.exit_code == 3
    give_way(lake, DAILY)  # a daily run gives way to nobody, least of all to itself


def test_an_hourly_run_gives_way_to_no_hourly_run(lake: Lake) -> None:
    does(lake, OF_THE_HOUR, "land", "conform")
    give_way(lake, OF_THE_HOUR)


def test_a_run_that_failed_holds_nothing_and_one_that_died_only_until_it_is_given_up(lake: Lake) -> None:
    does(lake, DAILY, "conform", "resolve")
    assert under_way(lake, now() + GAP) is None
    with pytest.raises(ValueError, match="a fault"), DAILY.step(lake, "resolve"):
        raise ValueError("a fault")
    assert under_way(lake, now()) is None


def test_a_step_that_takes_long_holds_for_as_long_as_its_process_lives(lake: Lake) -> None:
    does(lake, DAILY, "conform")
    with DAILY.step(lake, "resolve"):
        assert under_way(lake, now() + 10 * GAP) == DAILY.run_id
    lake.append("ops.runs", [lake.arrow("ops.runs").to_pylist()[-1] | {"state": "started", "at": now()}])
    assert under_way(lake, now()) == DAILY.run_id
    assert under_way(lake, now() + 2 * GAP) is None


def test_a_run_that_conforms_anew_after_its_release_holds_again(lake: Lake) -> None:
    does(lake, DAILY, "conform", "release", "conform")
    assert under_way(lake, now()) == DAILY.run_id


@pytest.mark.parametrize("step", ["land", "conform"])
def test_what_would_change_silver_gives_way_before_it_writes_anything(lake: Lake, step: str) -> None:
    from spark_jobs.bronze.land import land
    from spark_jobs.silver.conform import conform

    does(lake, DAILY, "conform")
    with pytest.raises(EnvironmentFault, match="silver stands still"):
        {"land": land, "conform": conform}[step](lake, OF_THE_HOUR)
    assert lake.tables() == ["ops.runs"]

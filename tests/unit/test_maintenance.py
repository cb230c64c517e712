"""Maintenance makes tables small, changes no row, and breaks no release that is kept."""

import datetime
from pathlib import Path

import pytest

from lakehouse import maintenance
from lakehouse.lake import Lake
from lakehouse.maintenance import kept_versions, maintain
from lakehouse.releases import publish_release, release_tables
from lakehouse.run import Run
from lakehouse.settings import Settings
from tests.gates import pass_gates

DAY = datetime.date(2017, 12, 31)
TABLE = "identity.assignments"


def _person(number: int) -> dict:
    return {
        "record_id": f"crm:{number}",
        "profile_id": f"p{number}",
        "kind": "founder",
        "probability": 1.0,
        "founder_record_id": f"crm:{number}",
        "records": 1,
    }


@pytest.fixture
def lake(tmp_path: Path) -> Lake:
    """A lake whose one identity table was appended to, released, and replaced."""
    lake = Lake(Settings(home=tmp_path))
    for number in range(4):
        lake.append(TABLE, [_person(number)])
    _release(lake, "first")
    lake.overwrite(TABLE, [_person(9)])
    _release(lake, "second")
    lake.overwrite(TABLE, [_person(number) for number in range(3)])
    return lake


def _release(lake: Lake, run_id: str, day: datetime.date = DAY) -> None:
    run = Run(run_id, day)
    lake.ensure_tables()
    pass_gates(lake, run)
    publish_release(lake, run)


def _files(lake: Lake) -> int:
    return len(list(Path(lake.path(TABLE)).glob("*.parquet")))


def _rows(lake: Lake, version: int | None = None) -> list[str]:
    return sorted(lake.arrow(TABLE, version=version)["record_id"].to_pylist())


def test_released_versions_stay_readable_though_their_files_are_no_longer_live(lake, monkeypatch):
    monkeypatch.setattr(maintenance, "READERS_HOURS", 0)
    lake.overwrite(TABLE, [_person(7)])  # its predecessor is in no release: it may go
    before = _files(lake)
    counts = maintain(lake, Run("m", DAY))
    assert counts["files_removed"] >= 1
    assert _files(lake) == before - 1
    assert _rows(lake) == ["crm:7"]
    assert _rows(lake, release_tables(lake, 1)[TABLE]) == [f"crm:{number}" for number in range(4)]
    assert _rows(lake, release_tables(lake, 2)[TABLE]) == ["crm:9"]


def test_small_files_become_one_and_no_row_changes(lake):
    for number in range(10, 15):
        lake.append(TABLE, [_person(number)])
    before = _rows(lake)
    counts = maintain(lake, Run("m", DAY))
    assert counts["files_compacted"] >= 6
    assert len(lake.delta(TABLE).file_uris()) == 1
    assert _rows(lake) == before


def test_a_second_time_there_is_nothing_to_do(lake):
    maintain(lake, Run("m", DAY))
    version = lake.version(TABLE)
    maintain(lake, Run("n", DAY))
    assert lake.version(TABLE) == version


def test_a_release_is_kept_for_its_time_and_the_latest_for_ever(lake):
    now = datetime.datetime.now(datetime.UTC)
    first, second = (release_tables(lake, release)[TABLE] for release in (1, 2))
    assert kept_versions(lake, now)[TABLE] == {first, second}
    late = now + datetime.timedelta(days=maintenance.KEPT_DAYS + 1)
    assert kept_versions(lake, late)[TABLE] == {second}
    _release(lake, "a past day, run again", DAY - datetime.timedelta(days=1))
    assert kept_versions(lake, late)[TABLE] == {second}


def test_the_log_is_kept_longer_than_the_releases(lake):
    maintain(lake, Run("m", DAY))
    assert lake.delta(TABLE).metadata().configuration["delta.logRetentionDuration"] == "interval 120 days"

"""What a landing does before Spark reads, what it says after, and who waits; the stream itself is left out. No JVM."""

import datetime
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from contracts import Contracts
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.settings import Settings
from spark_jobs.bronze import drafts, folders, unreadable
from spark_jobs.bronze import land as landing
from tests.hostile import corpus
from tests.spark.conftest import copy_contracts

DAY = datetime.date(2017, 12, 30)
CUT = gzip.compress(b"a line\n" * 99, mtime=0)[:-9]


class Died(BaseException):
    """What ends a process when its stream is to start."""


@pytest.fixture
def lake(tmp_path, monkeypatch) -> Lake:
    made = Lake(Settings(home=tmp_path))
    made.contracts = Contracts(copy_contracts(tmp_path / "contracts", "web", "shop"))
    made.ensure_tables()
    monkeypatch.setattr(Lake, "spark", None)
    return made


@pytest.fixture
def lands(lake, monkeypatch) -> Callable[..., str]:
    """Land with a stream of the test's choosing, in a run of that name; what the run said."""

    def reads(lake: Lake, source: Any, landed: dict, *_: Any) -> int:
        landing._stream_id(landing._checkpoint(lake, source))
        known = landing._files_in_bronze(lake, source)
        for path, _ in folders.entries(lake.settings.landing / source.source):
            file = path.relative_to(lake.settings.landing).as_posix()
            if file not in known:
                row = {"payload": "", "file": file, "line": 1, "position": 1, "contract_version": source.version}
                lake.append(f"bronze.{source.source}", [row | landed])
        return 0

    def land(run_id: str, stream: Callable[..., int] = reads) -> str:
        monkeypatch.setattr(landing, "_land_source", stream)
        landing.land(lake, Run(run_id, DAY))
        rows = [row for row in lake.arrow("ops.runs").to_pylist() if row["run_id"] == run_id]
        return str(max(rows, key=lambda row: row["at"])["message"])

    return land


def _dies(*_: Any) -> int:
    raise Died


def _put(lake: Lake, name: str, content: bytes) -> Path:
    path = lake.settings.landing / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_what_came_before_a_run_that_died_is_looked_at_in_the_next_run(lake, lands, monkeypatch) -> None:
    with pytest.raises(Died):
        lands("r1", _dies)
    cut, long = _put(lake, "web/cut.gz", CUT), _put(lake, "web/long.jsonl", b"x" * 3_000_000)
    monkeypatch.setattr(landing, "set_aside_unreadable", _dies)  # when it has its landing, and has looked at nothing
    with pytest.raises(Died):
        lands("r2")
    monkeypatch.setattr(landing, "set_aside_unreadable", unreadable.set_aside_unreadable)
    lands("r3")
    assert not cut.exists()
    assert long.stat().st_size < 3_000


def test_a_source_that_waited_is_looked_at_once_it_need_not(lake, lands) -> None:
    aside = lake.settings.landing / "web" / unreadable.FOLDER
    cut = _put(lake, "web/cut.gz", CUT)
    aside.symlink_to(lake.settings.home)
    assert "nothing of landing/web has landed" in lands("r1")
    aside.unlink()
    assert lands("r2") == ""
    assert not cut.exists()


def test_what_is_moved_in_with_its_folder_is_looked_at_however_old_its_times_are(lake, lands, tmp_path) -> None:
    (tmp_path / "day").mkdir()
    (tmp_path / "day" / "cut.gz").write_bytes(CUT)
    lands("r1")
    (tmp_path / "day").rename(lake.settings.landing / "web" / "day")
    lands("r2")
    assert not (lake.settings.landing / "web" / "day" / "cut.gz").exists()


def test_what_has_landed_is_not_unpacked_again_unless_the_stream_will_read_it_again(lake, lands, monkeypatch) -> None:
    _put(lake, "web/whole.gz", gzip.compress(b"{}\n"))
    looked = []
    monkeypatch.setattr(unreadable, "unpacked", lambda path: looked.append(path.name) or [])
    lands("r1")
    lands("r2")
    assert looked == ["whole.gz"]
    (landing._checkpoint(lake, lake.contracts.sources["web"]) / landing.STREAM_ID).unlink()
    lands("r3")
    assert looked == ["whole.gz"] * 2


def test_a_source_whose_folder_aside_is_a_link_waits_and_is_told_why_and_nothing_else(lake, lands, tmp_path) -> None:
    _put(lake, "web/x.zst", b"")
    _put(lake, "web/ok.jsonl", b"{}\n")
    (tmp_path / "elsewhere").mkdir()
    (lake.settings.landing / "web" / unreadable.FOLDER).symlink_to(tmp_path / "elsewhere")
    assert lands("r1") == (
        "nothing of landing/web has landed: _unreadable is a link or a file and not a folder: "
        "landing/web/_unreadable; remove it"
    )
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_a_source_with_a_file_that_still_grows_waits_and_the_file_is_named(lake, lands, monkeypatch) -> None:
    path = _put(lake, "web/a.jsonl", b"x" * 2_000_000)
    _put(lake, "shop/a.csv", b"{}\n")
    monkeypatch.setattr(drafts, "_state", lambda status: object())
    said = lands("r1")
    assert said.startswith(
        "nothing of landing/web has landed: a file that has lines to be replaced is still being written: "
        "landing/web/a.jsonl; write files under a name that begins with _"
    )
    assert path.stat().st_size == 2_000_000
    assert len(lake.arrow("bronze.shop")) == 1


def test_a_folder_that_may_not_be_listed_makes_its_source_wait_and_no_other(lake, lands, monkeypatch) -> None:
    _put(lake, "web/ok.jsonl", b"{}\n")
    _put(lake, "shop/a.csv", b"{}\n")
    listed = folders.os.listdir

    def refuses(folder: Any) -> list[str]:  # root may list everything, so the answer of the system is given here
        if Path(folder) == lake.settings.landing / "web":
            raise PermissionError(13, "Permission denied", str(folder))
        return listed(folder)

    monkeypatch.setattr(folders.os, "listdir", refuses)
    assert lands("r1") == (
        "nothing of landing/web has landed: what cannot be read there could not be set aside (Permission denied); "
        "give the user that runs Clew the right to read it and to write to it"
    )
    assert len(lake.arrow("bronze.shop")) == 1


def test_folders_in_one_another_without_end_cost_themselves_only(lake, lands) -> None:
    deep = lake.settings.landing / "web" / "deep"
    deep.parent.mkdir(parents=True)
    corpus.nest(deep, 34)
    lands("r1")
    (told,) = [json.loads(path.read_text()) for path in deep.rglob("*.unreadable")]
    assert told[unreadable.MARK] == "d"
    assert [row["file"].endswith(".unreadable") for row in lake.arrow("bronze.web").to_pylist()] == [True]


def test_a_file_that_a_stream_fails_on_is_named_and_nothing_of_it_is_told(lake) -> None:
    where = lake.settings.landing / "web"
    told = (
        "[STREAM_FAILED] Query [id = 8aa6737c] terminated with exception: org.apache.spark.SparkException: "
        "[FAILED_READ_FILE.NO_HINT] Encountered error while reading file "
        f"file://{where}/zeros%20x+é.v1.gz.  SQLSTATE: KD001\n\tat org.apache: ann@example.org"
    )
    error = landing._of_file(lake, told)
    assert error is not None
    assert error.where == "landing/web/zeros x+é.v1.gz"
    assert "ann@" not in str(error)
    assert landing._of_file(lake, "[STREAM_FAILED] another") is None

"""Landing: every line, in order, whatever it holds, once."""

import gzip
import shutil

import pytest

from lakehouse.errors import DataError
from lakehouse.run import Run
from spark_jobs.bronze import unreadable
from spark_jobs.bronze.land import land
from tests.spark.pipeline import put, rows, run, view


@pytest.fixture
def lake(make_lake):
    return make_lake("web")


def test_every_line_lands_with_its_file_and_number_and_the_order_goes_on_in_the_next_landing(lake) -> None:
    put(lake, "web/b.jsonl", "one", "", "three")
    put(lake, "web/a.jsonl", "zero")
    land(lake, Run("r1", _day()))
    put(lake, "web/later/c.jsonl", "four")
    land(lake, Run("r2", _day()))
    assert rows(lake, "bronze.web", "position", "file", "line", "payload", "landing") == [
        (1, "web/a.jsonl", 1, "zero", 1),
        (2, "web/b.jsonl", 1, "one", 1),
        (3, "web/b.jsonl", 2, "", 1),
        (4, "web/b.jsonl", 3, "three", 1),
        (5, "web/later/c.jsonl", 1, "four", 2),
    ]


def test_bytes_that_are_no_text_land_all_the_same_and_are_kept_as_they_came(lake) -> None:
    put(lake, "web/a.jsonl", b"\xff\xfe{", "{}")
    land(lake, Run("r1", _day()))
    assert rows(lake, "bronze.web", "position", "undecoded") == [(1, b"\xff\xfe{"), (2, None)]
    run(lake, "r2")
    reasons = dict(rows(lake, "silver.quarantine", "position", "reasons"))
    assert reasons[1] == ["not_utf8: the bytes of the line are not UTF-8"]


def test_a_file_that_is_still_being_written_waits_and_lands_once_it_is_whole(lake) -> None:
    half = put(lake, "web/a.jsonl.tmp", "one")
    put(lake, "web/_b.jsonl", "two")
    assert land(lake, Run("r1", _day()))["web"] == 0
    half.rename(half.with_suffix(""))
    assert land(lake, Run("r2", _day()))["web"] == 1


def test_a_file_with_an_old_time_stamp_is_not_passed_over(lake) -> None:
    import os

    put(lake, "web/new.jsonl", "new")
    land(lake, Run("r1", _day()))
    old = put(lake, "web/old.jsonl", "old")
    os.utime(old, (0, 0))
    assert land(lake, Run("r2", _day()))["web"] == 1


def test_what_lies_in_landing_and_is_no_sources_waits_and_is_named(lake) -> None:
    put(lake, "web/a.jsonl", "one")
    put(lake, "newsletter/a.jsonl", "two")
    put(lake, "b.jsonl", "three")
    land(lake, Run("r1", _day()))
    said = [row["message"] for row in lake.arrow("ops.runs").to_pylist() if row["message"]]
    assert said == ["no source contract for landing/b.jsonl, landing/newsletter: left as it is"]


def test_names_with_blanks_and_plus_signs_are_kept(lake) -> None:
    put(lake, "web/a b+c é.jsonl", "one")
    land(lake, Run("r1", _day()))
    assert rows(lake, "bronze.web", "file") == [("web/a b+c é.jsonl",)]


def test_gzip_lands_and_a_broken_one_is_set_aside_and_counted(lake) -> None:
    good = lake.settings.landing / "web" / "good.jsonl.gz"
    put(lake, "web/x.jsonl", "plain")
    good.write_bytes(gzip.compress(b"packed\n"))
    broken = good.with_name("broken.jsonl.gz")
    broken.write_bytes(gzip.compress(b"lost\n" * 1000)[:-9])
    run(lake, "r1")
    assert {payload for (payload,) in rows(lake, "bronze.web", "payload")} > {"plain", "packed"}
    (aside,) = (good.parent / "_unreadable").iterdir()
    assert aside.name.endswith(f"-{broken.name}")
    codes = [reasons[0].split(":")[0] for (reasons,) in rows(lake, "silver.quarantine", "reasons")]
    assert sorted(codes) == ["malformed_json", "malformed_json", "unreadable_file"]


def test_a_file_that_the_stream_fails_on_all_the_same_is_named_and_moved_out_lets_the_others_land(
    lake, monkeypatch
) -> None:
    put(lake, "web/a.jsonl", "one")
    bad = lake.settings.landing / "web" / "bad é+.jsonl.gz"
    bad.write_bytes(gzip.compress(b"{}\n") + b"\0" * 512)
    monkeypatch.setattr(unreadable, "unpacked", lambda path: [])  # as if it came after the look
    with pytest.raises(DataError, match="cannot be read, and its source waits") as raised:
        land(lake, Run("r1", _day()))
    assert raised.value.where == "landing/web/bad é+.jsonl.gz"
    bad.unlink()
    assert land(lake, Run("r2", _day()))["web"] == 1


def test_a_batch_that_was_written_before_the_process_died_is_not_written_again(lake) -> None:
    put(lake, "web/a.jsonl", view("m1"))
    land(lake, Run("r1", _day()))
    commits = lake.settings.lake / "_checkpoints" / "bronze" / "web" / "commits"
    for commit in commits.iterdir():  # as after a kill between Delta's commit and the stream's
        commit.unlink()
    land(lake, Run("r1", _day()))
    assert rows(lake, "bronze.web", "position") == [(1,)]


def test_a_lost_checkpoint_lands_files_again_and_silver_counts_them_as_duplicates(lake) -> None:
    put(lake, "web/a.jsonl", view("m1"))
    run(lake, "r1")
    shutil.rmtree(lake.settings.lake / "_checkpoints" / "bronze" / "web")
    counts = run(lake, "r2")
    assert counts == {"lines": 1, "kept": 0, "duplicates": 1, "quarantined": 0}


def _day():
    import datetime

    return datetime.date(2017, 12, 30)

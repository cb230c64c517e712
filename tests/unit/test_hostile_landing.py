"""What others put into a landing folder: nothing is followed, opened or unpacked beyond its limit, and all is told."""

import bz2
import datetime
import gzip
import hashlib
import json
import os
import resource
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import DataError
from contracts.source import Limits
from spark_jobs.bronze import folders, long_lines, unreadable
from spark_jobs.bronze.long_lines import take_out_long_lines
from spark_jobs.bronze.moving import shown, sizes, tell_of_changed
from spark_jobs.bronze.unreadable import set_aside_unreadable
from tests.hostile import corpus

EVER = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
SMALL = Limits(max_line_bytes=1_000, max_expanded_bytes=100_000)


def notices(folder: Path) -> dict[str, dict]:
    """The notices in a folder, by the name they tell of."""
    told = [json.loads(path.read_text()) for path in folder.iterdir() if path.name.endswith(".unreadable")]
    return {notice[unreadable.MARK]: notice for notice in told}


def test_whatever_is_no_file_of_lines_is_set_aside_under_its_name_and_told_of(tmp_path) -> None:
    things = corpus.odd_things(tmp_path, SMALL.max_expanded_bytes)
    for name, make in things.items():
        make(tmp_path / name)
    (tmp_path / "whole.jsonl").write_bytes(b"{}\n")
    moved = set_aside_unreadable(tmp_path, EVER, SMALL)
    assert len(moved) == len(things)
    assert set(notices(tmp_path)) == set(things)
    left = [path for path, _ in folders.entries(tmp_path) if not path.name.endswith(".unreadable")]
    assert left == [tmp_path / "whole.jsonl"]
    assert set_aside_unreadable(tmp_path, EVER, SMALL) == []
    assert Path("/etc/passwd").is_file()
    bomb = notices(tmp_path)["bomb.jsonl.gz"]
    assert bomb["reason"].startswith("it unpacks to more than 100000 bytes")


def test_a_bomb_is_unpacked_to_its_limit_and_no_further_in_little_memory(tmp_path) -> None:
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=9) as file:
        for _ in range(64):
            file.write(b"\0" * (1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(set_aside_unreadable(tmp_path, EVER, Limits(max_expanded_bytes=10_000_000))) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1_000_000


def test_a_name_that_is_not_utf8_is_set_aside_since_the_reader_cannot_find_it(tmp_path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.jsonl")).write_bytes(b"{}\n")
    (moved,) = set_aside_unreadable(tmp_path, EVER, SMALL)
    assert moved.name.endswith("-bad\\xff.jsonl") or moved.name.endswith("-bad\\udcff.jsonl")
    assert moved.read_bytes() == b"{}\n"


def test_what_the_user_may_not_read_is_set_aside(tmp_path, monkeypatch) -> None:
    (tmp_path / "closed.jsonl").write_bytes(b"{}\n")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "in.jsonl").write_bytes(b"{}\n")
    refused = {tmp_path / "closed.jsonl", tmp_path / "closed"}
    # Root may read everything, so the answer of the system is given here.
    monkeypatch.setattr(unreadable.os, "access", lambda path, _: Path(path) not in refused)
    assert len(set_aside_unreadable(tmp_path, EVER, SMALL)) == 2
    assert {notice["reason"].split(":")[0] for notice in notices(tmp_path).values()} == {
        "it may not be read", "a folder that may not be looked into",
    }  # fmt: skip
    assert next(iter(folders.entries(tmp_path)))[0].name.endswith(".unreadable")


PACKED = {"a.jsonl": bytes, "a.gz": lambda text: gzip.compress(text, mtime=0), "a.bz2": bz2.compress}
UNPACKED = {"a.jsonl": bytes, "a.gz": gzip.decompress, "a.bz2": bz2.decompress}


@pytest.mark.parametrize("name", sorted(PACKED))
@settings(max_examples=25, deadline=None)
@given(
    lines=st.lists(st.sampled_from([b"", b"a", b"b" * 999, b"c" * 1_000, b"d" * 1_001, b"\xff" * 70_000]), max_size=9),
    is_ended=st.booleans(),
)
def test_only_lines_beyond_the_limit_are_taken_out_and_every_byte_of_them_is_kept(
    tmp_path_factory, name, lines, is_ended
) -> None:
    folder = tmp_path_factory.mktemp("web")
    text = b"\n".join(lines) + (b"\n" if lines and is_ended else b"")
    (folder / name).write_bytes(PACKED[name](text))
    taken = take_out_long_lines(folder, EVER, SMALL)
    found = UNPACKED[name]((folder / name).read_bytes())
    assert found.count(b"\n") == text.count(b"\n")
    assert len(taken) == sum(len(line) > 1_000 for line in lines)
    for was, now in zip(text.split(b"\n"), found.split(b"\n"), strict=True):
        if len(was) <= 1_000:
            assert now == was
            continue
        told = json.loads(now)
        assert (told[long_lines.MARK], told["bytes"]) == (1_000, len(was))
        assert told["sha256"] == hashlib.sha256(was).hexdigest()
        assert (folder / told["kept_as"]).read_bytes() == was
    assert take_out_long_lines(folder, EVER, SMALL.model_copy(update={"max_line_bytes": 10_000})) == []


def test_a_line_of_a_hundred_megabytes_is_taken_out_in_little_memory(tmp_path) -> None:
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(b"first\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\nlast\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (kept,) = take_out_long_lines(tmp_path, EVER, Limits())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    assert kept.stat().st_size == 100_000_000
    first, notice, last = (tmp_path / "a.jsonl").read_bytes().splitlines()
    assert (first, json.loads(notice)["bytes"], last) == (b"first", 100_000_000, b"last")


def test_a_file_that_grows_or_vanishes_while_it_is_landing_is_told_of_and_counted_next_time(tmp_path) -> None:
    for name in ("grown", "gone", "same"):
        (tmp_path / name).write_bytes(b"{}\n")
    seen = sizes(tmp_path)
    (tmp_path / "grown").write_bytes(b"{}\n{}\n")
    (tmp_path / "gone").unlink()
    told = tell_of_changed(tmp_path, seen)
    where = f"landing/{tmp_path.name}"
    assert sorted(told) == [
        f"{where}/gone is gone while landing",
        f"{where}/grown went from 3 to 6 bytes while landing",
    ]
    assert set(notices(tmp_path)) == {"grown", "gone"}


def test_a_name_is_shown_on_one_line_and_cannot_control_a_terminal() -> None:
    assert shown("a\n\x1b[31mb\u202e\udcff é") == "a\\n\\x1b[31mb\\u202e\\udcff é"


def test_folders_that_lie_too_deep_are_set_aside_where_they_begin_to() -> None:
    with corpus.very_deep() as web:
        (web / "a.jsonl").write_bytes(b"{}\n")
        (moved,) = set_aside_unreadable(web, EVER, SMALL)
        assert len(moved.relative_to(web).parts) == folders.DEEPEST + 1
        told = notices(moved.parent)["d"]
        assert told["reason"] == "a folder that lies too deep: at most 32 in one another are looked into"
        assert next(iter(sizes(web))) == web / "a.jsonl"
        assert set_aside_unreadable(web, EVER, SMALL) == []


def test_folders_whose_names_are_long_are_set_aside_before_the_system_refuses_their_path() -> None:
    with corpus.very_deep(20, "n" * 250) as web:
        (moved,) = set_aside_unreadable(web, EVER, SMALL)
        assert folders.PATH_BYTES - 260 < len(os.fsencode(moved)) < 4_096
        with pytest.raises(DataError, match="the system has no path"):
            list(folders.files_within(web))


def test_files_are_found_however_deep_they_lie_and_not_through_links() -> None:
    with corpus.very_deep() as web:
        (web / "link").symlink_to(web / "d")
        (found,) = folders.files_within(web)
        assert len(found.relative_to(web).parts) == 1_101

"""What others put into a landing folder: nothing is followed, opened or unpacked beyond its limit, and all is told."""

import bz2
import gzip
import hashlib
import json
import os
import random
import resource
import stat
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.errors import DataError, EnvironmentFault
from contracts.source import Limits
from spark_jobs.bronze import drafts, folders, long_lines, unreadable
from spark_jobs.bronze.long_lines import take_out_long_lines
from spark_jobs.bronze.moving import shown, sizes, tell_of_changed
from spark_jobs.bronze.packed import packing, unpacked
from spark_jobs.bronze.unreadable import set_aside_unreadable
from tests.hostile import corpus

NONE: frozenset[Path] = frozenset()
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
    moved = set_aside_unreadable(tmp_path, NONE, SMALL)
    assert len(moved) == len(things)
    assert set(notices(tmp_path)) == set(things)
    left = [path for path, _ in folders.entries(tmp_path) if not path.name.endswith(".unreadable")]
    assert left == [tmp_path / "whole.jsonl"]
    assert set_aside_unreadable(tmp_path, NONE, SMALL) == []
    assert Path("/etc/passwd").is_file()
    bomb = notices(tmp_path)["bomb.jsonl.gz"]
    assert bomb["reason"].startswith("it unpacks to more than 100000 bytes")


def test_a_bomb_is_unpacked_to_its_limit_and_no_further_in_little_memory(tmp_path) -> None:
    with gzip.open(tmp_path / "bomb.gz", "wb", compresslevel=9) as file:
        for _ in range(64):
            file.write(b"\0" * (1 << 20))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert len(set_aside_unreadable(tmp_path, NONE, Limits(max_expanded_bytes=10_000_000))) == 1
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kB
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1_000_000


def test_a_name_that_is_not_utf8_is_set_aside_since_the_reader_cannot_find_it(tmp_path) -> None:
    (tmp_path / os.fsdecode(b"bad\xff.jsonl")).write_bytes(b"{}\n")
    (moved,) = set_aside_unreadable(tmp_path, NONE, SMALL)
    assert moved.name.endswith("-bad\\xff.jsonl") or moved.name.endswith("-bad\\udcff.jsonl")
    assert moved.read_bytes() == b"{}\n"


def test_what_the_user_may_not_read_is_set_aside(tmp_path, monkeypatch) -> None:
    (tmp_path / "closed.jsonl").write_bytes(b"{}\n")
    (tmp_path / "closed").mkdir()
    (tmp_path / "closed" / "in.jsonl").write_bytes(b"{}\n")
    refused = {tmp_path / "closed.jsonl", tmp_path / "closed"}
    # Root may read everything, so the answer of the system is given here.
    monkeypatch.setattr(unreadable.os, "access", lambda path, _: Path(path) not in refused)
    assert len(set_aside_unreadable(tmp_path, NONE, SMALL)) == 2
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
    taken = take_out_long_lines(folder, NONE, SMALL)
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
    assert take_out_long_lines(folder, NONE, SMALL.model_copy(update={"max_line_bytes": 10_000})) == []


def test_a_line_of_a_hundred_megabytes_is_taken_out_in_little_memory(tmp_path) -> None:
    with (tmp_path / "a.jsonl").open("wb") as file:
        file.write(b"first\n")
        for _ in range(100):
            file.write(b"x" * 1_000_000)
        file.write(b"\nlast\n")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    (kept,) = take_out_long_lines(tmp_path, NONE, Limits())
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


@pytest.fixture
def victim(tmp_path) -> Path:
    """A file that those who write to the landing folder may not change, and Clew may."""
    path = tmp_path / "victim"
    path.write_bytes(b"not yours")
    return path


def test_a_link_planted_under_a_drafts_name_is_not_written_through(tmp_path, victim, monkeypatch) -> None:
    monkeypatch.setattr(drafts.secrets, "token_hex", lambda size: "0" * 2 * size)
    (tmp_path / f".clew-{'0' * 16}.draft").symlink_to(victim)
    with pytest.raises(FileExistsError), drafts.draft(tmp_path) as made:
        made.file.write(b"theirs")
    assert victim.read_bytes() == b"not yours"


def test_links_under_names_that_a_sender_can_guess_are_not_written_through(tmp_path, victim) -> None:
    web = tmp_path / "web"
    (web / unreadable.FOLDER).mkdir(parents=True)
    content, line = b"no zstandard", b"x" * 1_001
    (web / "x.zst").write_bytes(content)
    (web / "a.jsonl").write_bytes(line + b"\n")
    guessed = {hashlib.sha256(told).hexdigest() for told in (content, line, b"a.jsonl", b"x.zst")}
    for digest in guessed:
        names = (f".{digest[:8]}.draft", f"{digest[:16]}.line", f"x.zst.{digest[:8]}.unreadable")
        for name in names:
            (web / name).symlink_to(victim)
            (web / unreadable.FOLDER / name).symlink_to(victim)
    set_aside_unreadable(web, NONE, SMALL)
    (kept,) = take_out_long_lines(web, NONE, SMALL)
    assert victim.read_bytes() == b"not yours"
    assert kept.read_bytes() == line
    assert not kept.is_symlink()
    assert json.loads((web / "a.jsonl").read_text())[long_lines.MARK] == 1_000


@pytest.mark.parametrize("make", [lambda path, other: path.symlink_to(other), lambda path, _: path.write_text("")])
def test_nothing_is_moved_through_what_only_has_the_name_of_the_folder_aside(tmp_path, make) -> None:
    (tmp_path / "elsewhere").mkdir()
    web = tmp_path / "web"
    web.mkdir()
    make(web / unreadable.FOLDER, tmp_path / "elsewhere")
    (web / "x.zst").write_bytes(b"")
    (web / "a.jsonl").write_bytes(b"x" * 2_000)
    for look in (set_aside_unreadable, take_out_long_lines):
        with pytest.raises(DataError, match=r"_unreadable is a link or a file and not a folder"):
            look(web, NONE, SMALL)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    assert {"x.zst", "a.jsonl"} <= {path.name for path in web.iterdir()}


def test_a_draft_left_by_a_run_that_died_is_removed(tmp_path) -> None:
    (tmp_path / "a.jsonl").write_bytes(b"{}\n")
    (tmp_path / unreadable.FOLDER).mkdir()
    for folder in (tmp_path, tmp_path / unreadable.FOLDER):
        (folder / f".clew-{'a' * 16}.draft").write_bytes(b"half")
        (folder / ".others.draft").write_bytes(b"theirs")
    assert set_aside_unreadable(tmp_path, NONE, SMALL) == []
    assert [path.name for path in sorted(tmp_path.rglob(".*"))] == [".others.draft", ".others.draft"]


@pytest.mark.parametrize("name", sorted(PACKED))
def test_a_file_keeps_its_mode_and_a_line_taken_out_is_for_this_user_only(tmp_path, name) -> None:
    (tmp_path / name).write_bytes(PACKED[name](b"x" * 2_000 + b"\n{}\n"))
    (tmp_path / name).chmod(0o640)
    (kept,) = take_out_long_lines(tmp_path, NONE, SMALL)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / name, kept)] == [0o640, 0o600]


def test_a_file_that_grows_while_a_line_is_taken_out_of_it_stays_as_it_is_with_all_that_was_added(
    tmp_path, monkeypatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b"x" * 2_000 + b"\n")
    writer = path.open("ab")

    def grows(*arguments):
        writer.write(b"added\n")
        writer.flush()
        return packing(*arguments)

    monkeypatch.setattr(long_lines, "packing", grows)
    with writer, pytest.raises(EnvironmentFault, match="is still being written"):
        take_out_long_lines(tmp_path, NONE, SMALL)
    assert path.read_bytes() == b"x" * 2_000 + b"\nadded\n"
    monkeypatch.undo()
    assert len(take_out_long_lines(tmp_path, NONE, SMALL)) == 1
    assert path.read_bytes().endswith(b"\nadded\n")


@pytest.mark.parametrize(
    "content",
    [
        gzip.compress(b"a\n" * 99, mtime=0) * 3,
        gzip.compress(b"", mtime=0),
        b"",
        gzip.compress(b"\0" * 3_000_000, mtime=0),
        corpus.gzip_member(0x02, struct.pack("<H", zlib.crc32(corpus.gzip_member(0x02)[:10]) & 0xFFFF)),
        corpus.gzip_member(0x1D, b"\3\0abcname\0comment\0"),
        gzip.compress(random.Random(7).randbytes(100_000), mtime=0),
    ],
    ids=["members", "nothing_packed", "empty", "zeros", "header_sum", "all_fields", "noise"],
)
def test_what_every_reader_takes_is_unpacked_whole(tmp_path, content) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(content)
    assert b"".join(unpacked(path)) == gzip.decompress(content)
    assert set_aside_unreadable(tmp_path, NONE, Limits()) == []


@settings(max_examples=200, deadline=None)
@given(place=st.integers(0, 200), byte=st.integers(0, 255), cut=st.integers(0, 30))
def test_no_damage_of_an_archive_goes_unseen_but_what_changes_no_line(tmp_path_factory, place, byte, cut) -> None:
    folder = tmp_path_factory.mktemp("web")
    whole = bytearray(gzip.compress(b"line\n" * 30, mtime=0))
    whole[place % len(whole)] = byte
    (folder / "a.gz").write_bytes(whole[: len(whole) - cut])
    try:
        text = b"".join(unpacked(folder / "a.gz"))
    except (OSError, EOFError, zlib.error):
        return
    assert text == (b"line\n" * 30 if cut < len(whole) else b"")


@pytest.mark.parametrize("name", sorted(PACKED))
def test_a_file_of_more_lines_than_can_be_numbered_is_set_aside(tmp_path, monkeypatch, name) -> None:
    monkeypatch.setattr(unreadable, "MOST_LINES", 100)
    (tmp_path / name).write_bytes(PACKED[name](b"\n" * 100))
    (tmp_path / f"b{name}").write_bytes(PACKED[name](b"\n" * 99))
    (moved,) = set_aside_unreadable(tmp_path, NONE, SMALL)
    assert moved.name.endswith(f"-{name}")
    assert notices(tmp_path)[name]["reason"] == "it has more lines than can be numbered: send it in parts"


def test_folders_that_lie_too_deep_are_set_aside_where_they_begin_to() -> None:
    with corpus.very_deep() as web:
        (web / "a.jsonl").write_bytes(b"{}\n")
        (moved,) = set_aside_unreadable(web, NONE, SMALL)
        assert len(moved.relative_to(web).parts) == folders.DEEPEST + 1
        told = notices(moved.parent)["d"]
        assert told["reason"] == "a folder that lies too deep: at most 32 in one another are looked into"
        assert next(iter(sizes(web))) == web / "a.jsonl"
        assert set_aside_unreadable(web, NONE, SMALL) == []


def test_folders_whose_names_are_long_are_set_aside_before_the_system_refuses_their_path() -> None:
    with corpus.very_deep(20, "n" * 250) as web:
        (moved,) = set_aside_unreadable(web, NONE, SMALL)
        assert folders.PATH_BYTES - 260 < len(os.fsencode(moved)) < 4_096
        with pytest.raises(DataError, match="the system has no path"):
            list(folders.files_within(web))


def test_files_are_found_however_deep_they_lie_and_not_through_links() -> None:
    with corpus.very_deep() as web:
        (web / "link").symlink_to(web / "d")
        (found,) = folders.files_within(web)
        assert len(found.relative_to(web).parts) == 1_101

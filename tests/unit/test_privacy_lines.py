"""Tombstones in lines: what goes is gone, what stays is as it was sent."""

import gzip
import json
import os
import stat
from pathlib import Path

import pytest

from lakehouse.errors import DataError, EnvironmentFault
from spark_jobs.privacy.landing import redact_files
from spark_jobs.privacy.lines import redacted
from tests.hostile import corpus

MARK = '{"clew_erased":"1-00112233445566aa"}'


@pytest.mark.parametrize(
    ("line", "parts", "messages", "expected"),
    [
        ('{"a": 1}', [0], 1, MARK),
        ("not JSON at all", [0], 1, MARK),
        ('\ufeff[{"a":1}, {"b":  2}]\r', [0], 2, f'[{MARK}, {{"b":  2}}]'),
        ('[{"a":"]"},{"b":"\\","},3]', [0, 2], 3, f'[{MARK},{{"b":"\\","}},{MARK}]'),
        ('{"batch":[{"a":1},{"b":2}],"sentAt":"x"}', [1], 2, f'{{"batch":[{{"a":1}},{MARK}],"sentAt":"x"}}'),
        (
            '{"x":[9],"batch" : [ {"a":1} , {"b":2} ],"context":{"mail":"a@b"}}',
            [0, 1],
            2,
            f'{{"batch":[{MARK},{MARK}]}}',
        ),
        ('{"batch":[1,2],"batch":[3]}', [0], 1, MARK),  # refused as one message: it gives a key twice
        ("[NaN,1]", [0], 1, MARK),
        (f'[{MARK},{{"b":2}}]', [1], 2, f"[{MARK},{MARK}]"),
    ],
)
def test_a_message_is_replaced_and_the_others_stay(line: str, parts: list[int], messages: int, expected: str) -> None:
    assert redacted(line, False, parts, messages, MARK, "here") == expected


def test_a_csv_line_is_one_message_whatever_it_looks_like() -> None:
    assert redacted('["a","b"]', True, [0], 1, MARK, "here") == MARK


def test_a_line_that_is_read_in_two_ways_is_not_guessed_at() -> None:
    with pytest.raises(DataError, match="cannot be taken out"):
        redacted('[{"a":1},{"b":2}]', False, [0], 3, MARK, "bronze.web, position 7")


def test_a_line_deeper_than_can_be_read_goes_as_a_whole() -> None:
    assert redacted("[" * 100_000, False, [0], 1, MARK, "here") == MARK


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    os.utime(path, (1_000_000_000, 1_000_000_000))


def test_landing_files_keep_their_other_lines_and_their_time(tmp_path: Path) -> None:
    _write(tmp_path / "plain.jsonl", b"one\ntwo\r\nthree")
    _write(tmp_path / "deep" / "packed.jsonl.gz", b"two\r\nfour\n")
    _write(tmp_path / "other.jsonl", b"four\n")
    untouched = (tmp_path / "other.jsonl").stat().st_ino

    done = redact_files(tmp_path, {b"two\r": MARK.encode()})

    assert (done.files, done.lines) == (2, 2)
    assert (tmp_path / "plain.jsonl").read_bytes() == b"one\n" + MARK.encode() + b"\nthree"
    assert gzip.decompress((tmp_path / "deep" / "packed.jsonl.gz").read_bytes()) == MARK.encode() + b"\nfour\n"
    assert (tmp_path / "plain.jsonl").stat().st_mtime == 1_000_000_000
    assert (tmp_path / "other.jsonl").stat().st_ino == untouched
    assert not list(tmp_path.rglob("*.redacted"))


def test_of_a_broken_archive_the_lines_that_name_the_person_go(tmp_path: Path) -> None:
    content = "\n".join(json.dumps({"n": n, "mail": f"p{n}@example.org"}) for n in range(5_000)).encode()
    folder = tmp_path / "_unreadable"
    folder.mkdir()
    (folder / "x.jsonl.gz").write_bytes(gzip.compress(content)[:-2_000])

    done = redact_files(tmp_path, {}, [b"p7@example.org"], MARK.encode())

    left = gzip.decompress((folder / "x.jsonl.gz").read_bytes())
    assert done.lines == 1
    assert b"p7@example.org" not in left
    assert b"p8@example.org" in left


def test_a_file_with_the_longest_name_is_rewritten_and_keeps_its_mode(tmp_path: Path) -> None:
    for name in ("n" * 255, "m" * 252 + ".gz"):
        _write(tmp_path / name, b"two\n")
        (tmp_path / name).chmod(0o600)
    assert redact_files(tmp_path, {b"two": MARK.encode()}).lines == 2
    assert (tmp_path / ("n" * 255)).read_bytes() == MARK.encode() + b"\n"
    assert [stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()] == [0o600, 0o600]


def test_a_planted_link_is_not_written_through(tmp_path: Path) -> None:
    _write(tmp_path / "victim", b"not yours")
    _write(tmp_path / "web" / "a.jsonl", b"two\n")
    for name in ("_a.jsonl.redacted", f".clew-{'0' * 16}.draft"):
        (tmp_path / "web" / name).symlink_to(tmp_path / "victim")
    assert redact_files(tmp_path / "web", {b"two": MARK.encode(), b"not yours": MARK.encode()}).files == 1
    assert (tmp_path / "victim").read_bytes() == b"not yours"


def test_what_is_added_to_a_file_while_it_is_rewritten_is_not_lost(tmp_path: Path) -> None:
    _write(tmp_path / "a.jsonl", b"two\n")

    class Growing(dict):
        def get(self, line, default=None):
            if line == b"two":
                with (tmp_path / "a.jsonl").open("ab") as file:
                    file.write(b"added\n")
            return super().get(line, default)

    with pytest.raises(EnvironmentFault, match="is still being written"):
        redact_files(tmp_path, Growing({b"two": MARK.encode()}))
    assert (tmp_path / "a.jsonl").read_bytes().startswith(b"two\nadded\n")


def test_lines_in_very_deep_folders_are_replaced_and_drafts_left_by_the_dead_are_removed() -> None:
    with corpus.very_deep() as web:
        (web / f".clew-{'a' * 16}.draft").write_bytes(b"{}\n")
        done = redact_files(web, {b"{}": MARK.encode()})
        assert (done.lines, done.names) == (1, ["in.jsonl"])
        assert [path.name for path in web.iterdir()] == ["d"]


def test_a_line_that_holds_a_value_stays_where_files_are_read_by_line(tmp_path: Path) -> None:
    _write(tmp_path / "waiting.jsonl", b"not landed yet, p7@example.org\n")
    assert redact_files(tmp_path, {}, [b"p7@example.org"], MARK.encode()).lines == 0

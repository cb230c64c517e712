"""Files that would end a stream are set aside, with a notice in their place; all others are left alone."""

import bz2
import gzip
import json
from pathlib import Path

import pytest

from contracts.source import Limits
from spark_jobs.bronze.unreadable import FOLDER, MARK, set_aside_unreadable

NONE: frozenset[Path] = frozenset()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cut.gz", gzip.compress(b"a line\n" * 99, mtime=0)[:-9]),
        ("none.gz", b"not compressed"),
        ("cut.bz2", bz2.compress(b"a line\n" * 99)[:-9]),
        ("rows.parquet", b"PAR1"),
        ("LINES.ZST", b"\x28\xb5\x2f\xfd"),
        ("deep/rows.xlsx", b"PK"),
    ],
)
def test_what_cannot_be_read_is_set_aside_and_told_of(tmp_path, name, content) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    (moved,) = set_aside_unreadable(tmp_path, NONE, Limits())
    assert moved.parent == path.parent / FOLDER
    assert moved.name.endswith(f"-{path.name}")
    assert moved.read_bytes() == content
    (notice,) = [file for file in path.parent.iterdir() if file.is_file()]
    told = json.loads(notice.read_text())
    assert (told[MARK], told["bytes"]) == (path.name, len(content))
    assert set_aside_unreadable(tmp_path, NONE, Limits()) == []


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("whole.gz", gzip.compress(b"a line\n", mtime=0)),
        ("whole.bz2", bz2.compress(b"a line\n")),
        ("plain.jsonl", b"{"),
        ("_writing.gz", b"not yet"),
    ],
)
def test_what_can_be_read_or_is_still_being_written_stays(tmp_path, name, content) -> None:
    (tmp_path / name).write_bytes(content)
    assert set_aside_unreadable(tmp_path, NONE, Limits()) == []
    assert (tmp_path / name).read_bytes() == content

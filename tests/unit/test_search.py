"""The search for what should be gone: where it looks, and that it takes no longer word for a shorter one."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lakehouse.lake import Lake
from lakehouse.pseudonym import keyed_hash
from lakehouse.settings import Settings
from spark_jobs.privacy import search
from spark_jobs.privacy.keys import EVENT

KEY = b"k" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "lake" / "silver" / "events"
    folder.mkdir(parents=True)
    return folder / "part.parquet"


def _found(file: Path, *event_ids: str) -> list[str]:
    hashes = {EVENT: [keyed_hash(KEY, EVENT, event_id) for event_id in event_ids]}
    searched = search.search(Lake(Settings(home=file.parents[3])), search.for_hashes(KEY, hashes, ["web"]))
    return [place.where for place in searched.places]


def test_a_word_that_compression_cuts_is_not_taken_for_a_shorter_one(file: Path) -> None:
    tail = "0 was seen in the shop on Monday and paid in cash"
    text = f"{tail}; web:m1{tail}"  # compressed, the second tail is a copy of the first, so a cut comes after web:m1
    pq.write_table(pa.table({"told": [text]}), file, compression="snappy", use_dictionary=False, write_statistics=False)
    assert b"web:m1" in file.read_bytes()
    assert b"web:m10" not in file.read_bytes()
    assert _found(file, "web:m1") == []
    assert _found(file, "web:m10") == ["column told"]


def test_what_is_plain_beside_the_pages_is_found(file: Path) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({"told": "of web:m1, too"})
    pq.write_table(table, file)
    assert _found(file, "web:m1") == ["raw bytes"]


def test_a_word_that_is_only_in_a_dictionary_is_found(file: Path) -> None:
    ids = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), ["web:m1", "web:m2"])
    pq.write_table(pa.table({"event_id": ids}), file)
    assert "column event_id" in _found(file, "web:m2")


def test_a_file_with_a_broken_page_is_read_as_it_lies(file: Path) -> None:
    pq.write_table(pa.table({"event_id": ["web:m1"] * 3}), file, compression="none", use_dictionary=False,
                   write_statistics=False)  # fmt: skip
    raw = bytearray(file.read_bytes())
    raw[4:12] = b"\xff" * 8  # the header of its page
    file.write_bytes(raw)
    assert _found(file, "web:m1") == ["raw bytes"]

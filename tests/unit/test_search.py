"""The search for what should be gone: where it looks, and that it takes no longer word for a shorter one."""

import datetime as dt
import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable, write_deltalake

from lakehouse.errors import DataError
from lakehouse.lake import Lake
from lakehouse.pseudonym import keyed_hash
from lakehouse.settings import Settings
from spark_jobs.bronze import folders
from spark_jobs.privacy import cells, search
from spark_jobs.privacy.keys import EVENT, TOKEN
from tests.hostile import corpus

KEY = b"k" * 32


@pytest.fixture
def file(tmp_path: Path) -> Path:
    folder = tmp_path / "lake" / "silver" / "events"
    folder.mkdir(parents=True)
    return folder / "part.parquet"


def _found(file: Path, *event_ids: str) -> list[str]:
    hashes = {EVENT: [keyed_hash(KEY, EVENT, event_id) for event_id in event_ids]}
    lake = Lake(Settings(home=file.parents[3]))
    searched = search.search(lake, search.for_hashes(KEY, hashes, ["web"], lake.contracts.identity))
    return [place.where for place in searched.places]


def test_a_word_that_compression_cuts_is_not_taken_for_a_shorter_one(file: Path) -> None:
    tail = "0 was seen in the shop on Monday and paid in cash"
    text = f"{tail}; web:m1{tail}"  # compressed, the second tail is a copy of the first, so a cut comes after web:m1
    pq.write_table(pa.table({"told": [text]}), file, compression="snappy", use_dictionary=False, write_statistics=False)
    assert b"web:m1" in file.read_bytes()
    assert b"web:m10" not in file.read_bytes()
    assert _found(file, "web:m1") == []
    assert _found(file, "web:m10") == ["column told"]


def test_an_address_is_found_by_its_hash_in_any_spelling_of_its_mailbox(file: Path) -> None:
    hashes = {TOKEN: [keyed_hash(KEY, TOKEN, "cattest@gmail.com")]}
    lake = Lake(Settings(home=file.parents[3]))
    finder = search.for_hashes(KEY, hashes, ["web"], lake.contracts.identity)
    for said, is_theirs in (("Cat.Test+shop@googlemail.com", True), ("cat.test@example.com", False)):
        file.with_name("line.json").write_text(f'{{"mail": "{said}"', encoding="utf-8")
        assert bool(search.search(lake, finder).places) is is_theirs


def test_what_is_plain_beside_the_pages_is_found(file: Path) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({"told": "of web:m1, too"})
    pq.write_table(table, file)
    assert _found(file, "web:m1") == ["beside the pages"]


@pytest.mark.parametrize("first", ["a", "z"], ids=["the least text", "the greatest text"])
def test_a_word_that_a_statistic_cuts_is_not_taken_for_a_shorter_one(file: Path, first: str) -> None:
    longer, shorter = ("web:m10", "web:m1") if first == "a" else ("web:m19x", "web:m2")  # the last letter goes up
    text = first + "m" * (62 - len(shorter)) + " " + longer  # of it, a statistic has sixty-four letters
    write_deltalake(file.parent, pa.table({"told": [text, "mm"]}))
    (written,) = DeltaTable(file.parent).file_uris()
    shutil.rmtree(file.with_name("_delta_log"))
    assert shorter.encode() in Path(written).read_bytes()
    assert _found(file, shorter) == []
    assert _found(file, longer) == ["column told"]


@pytest.mark.parametrize("letter", [b"\xff", "\U0010ffff".encode()], ids=["no text", "the last letter there is"])
def test_bytes_of_any_kind_are_searched(file: Path, letter: bytes) -> None:
    table = pa.table({"told": [letter * 100]}).replace_schema_metadata({"told": "web:m1"})
    pq.write_table(table, file)
    assert _found(file, "web:m1") == ["beside the pages"]


def test_what_only_begins_like_a_text_of_the_file_is_searched(file: Path) -> None:
    text = "m" * 62 + " and so on"
    table = pa.table({"told": [text]}).replace_schema_metadata({"told": text[:60] + " web:m1"})
    pq.write_table(table, file)
    assert _found(file, "web:m1") == ["beside the pages"]


def test_a_word_that_is_only_in_a_dictionary_is_found(file: Path) -> None:
    ids = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), ["web:m1", "web:m2"])
    pq.write_table(pa.table({"event_id": ids}), file)
    assert "column event_id" in _found(file, "web:m2")


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.string_view(), pa.binary(), pa.binary_view(),
                                  pa.list_(pa.string_view()), pa.map_(pa.string(), pa.string_view()),
                                  pa.struct([("id", pa.string_view())])], ids=str)  # fmt: skip
def test_texts_of_every_type_are_searched(file: Path, kind: pa.DataType) -> None:
    value = {"list": ["web:m1"], "map": [("id", "web:m1")], "struct": {"id": "web:m1"}}.get(
        str(kind).partition("<")[0], "web:m1"
    )
    held = value.encode() if "binary" in str(kind) else value
    pq.write_table(pa.table({"told": pa.array([held, None], kind)}), file, write_statistics=False)
    assert _found(file, "web:m1") == ["column told"]


def test_a_column_that_nobody_can_search_ends_the_search(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    monkeypatch.setattr(cells, "TEXTS", ("large_string",))
    pq.write_table(pa.table({"told": pa.array(["web:m1"], pa.string_view())}), file)
    with pytest.raises(DataError, match="a column of type string_view cannot be searched"):
        _found(file, "web:m1")


NOON = dt.datetime(1984, 3, 2, 12, 30, 5, 458_000, dt.UTC)


@pytest.mark.parametrize(
    ("kind", "held", "value"),
    [
        (pa.date32(), NOON.date(), "1984-03-02"),
        (pa.date64(), NOON.date(), "1984-03-02"),
        (pa.timestamp("us", "UTC"), NOON, "1984-03-02"),
        (pa.timestamp("us", "UTC"), NOON, "1984-03-02T12:30:05.458Z"),
        (pa.timestamp("ns", "America/New_York"), NOON, "1984-03-02 12:30"),
        (pa.timestamp("ms"), NOON.replace(tzinfo=None, microsecond=0), "1984-03-02T12:30:05"),
        (pa.time64("us"), NOON.time(), "12:30:05"),
        (pa.list_(pa.date32()), [NOON.date()], "1984-03-02"),
        (pa.struct([("born", pa.date32())]), {"born": NOON.date()}, "1984-03-02"),
        (pa.float64(), 18005550100.0, "18005550100"),
        (pa.float64(), 47.376887, "47.376887"),
        (pa.float32(), 42.5, "42.5"),
        (pa.duration("s"), dt.timedelta(seconds=123456), "123456"),
    ],
    ids=str,
)
def test_dates_times_and_numbers_are_found_as_they_are_written(
    file: Path, kind: pa.DataType, held: object, value: str
) -> None:
    pq.write_table(pa.table({"told": pa.array([held, None], kind)}), file, write_statistics=False)
    lake = Lake(Settings(home=file.parents[3]))
    (place,) = search.search(lake, search.for_values([value])).places
    assert (place.where, place.what) == ("column told", "value 1")
    assert search.search(lake, search.for_values(["1984-03-03", "18005550101"])).places == ()


def test_a_telephone_in_a_column_of_numbers_with_fractions_is_found_by_its_hash(file: Path) -> None:
    pq.write_table(pa.table({"phone": [18005550100.0, None]}), file, write_statistics=False)
    lake = Lake(Settings(home=file.parents[3]))
    hashes = {TOKEN: [keyed_hash(KEY, TOKEN, "18005550100")]}
    finder = search.for_hashes(KEY, hashes, ["web"], lake.contracts.identity)
    assert [place.where for place in search.search(lake, finder).places] == ["column phone"]


@pytest.mark.parametrize(
    ("value", "is_time"),
    [("1984-03-02", True), ("1984", True), ("1984-03-02T12:30:05+02:00", True), ("18005550100", False),
     ("+18005550100", False), ("ann@example.com", False), ("-", False)],
)  # fmt: skip
def test_times_are_written_out_only_for_what_may_be_one(value: str, is_time: bool) -> None:
    assert search.for_values([value]).times is is_time
    assert search.for_hashes(KEY, {}, ["web"], Lake(Settings()).contracts.identity).times is False


def test_a_time_of_another_zone_is_looked_for_in_utc() -> None:
    assert cells.time_forms("1984-03-02T14:30:05.458+02:00")[1] == "1984-03-02T12:30:05.458Z"
    assert cells.time_forms("1984-03-02 12:30:05+00:00")[1] == "1984-03-02T12:30:05Z"
    assert cells.time_forms("1984-03-02") == ("1984-03-02",)


def test_what_a_merge_writes_is_searched(file: Path) -> None:
    table = file.parent
    write_deltalake(table, pa.table({"event_id": ["web:m1", "web:m2"]}))
    gone = DeltaTable(table).merge(pa.table({"event_id": ["web:m2"]}), "t.event_id = s.event_id", source_alias="s",
                                   target_alias="t")  # fmt: skip
    gone.when_matched_delete().execute()
    (written,) = DeltaTable(table).file_uris()
    for path in table.glob("*.parquet"):
        if path.name != Path(written).name:
            path.unlink()
    assert "column event_id" in _found(file, "web:m1")


def test_a_file_with_a_broken_page_is_read_as_it_lies(file: Path) -> None:
    pq.write_table(pa.table({"event_id": ["web:m1"] * 3}), file, compression="none", use_dictionary=False,
                   write_statistics=False)  # fmt: skip
    raw = bytearray(file.read_bytes())
    raw[4:12] = b"\xff" * 8  # the header of its page
    file.write_bytes(raw)
    assert _found(file, "web:m1") == ["raw bytes"]


def test_folders_are_searched_however_deep_they_are() -> None:
    with corpus.very_deep() as home:
        (home / "d").rename(home / "landing")
        searched = search.search(Lake(Settings(home=home)), search.for_values(["{}"]))
    assert [place.file.rpartition("/")[2] for place in searched.places] == ["in.jsonl"]


def test_a_folder_that_may_not_be_listed_ends_the_search_and_proves_nothing(file: Path, monkeypatch) -> None:
    def refuses(folder: Path) -> list[str]:  # root may list everything, so the answer of the system is given here
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr(folders.os, "listdir", refuses)
    with pytest.raises(PermissionError):
        _found(file, "web:m1")

"""Purging: a table's folder holds its newest version and nothing of what was before."""

from pathlib import Path
from typing import Any

import pytest

from lakehouse import purge as purging
from lakehouse.errors import UsageError
from lakehouse.purge import purge, seal_off

TABLE = "gold.profile_contact"


def _rewritten(small: Any) -> Path:
    """Contact data without Dan's row, which older files, their statistics and the log still hold."""
    small.change(TABLE, lambda rows: [row for row in rows if row["email"] != "dan@example.com"])
    return Path(small.lake.path(TABLE))


def _bytes(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_no_byte_of_a_removed_row_stays_in_files_statistics_or_log(small: Any) -> None:
    folder = _rewritten(small)
    assert b"dan@example.com" in _bytes(folder)

    done = purge(small.lake, TABLE)

    assert b"dan@example.com" not in _bytes(folder)
    assert (done.files, done.version) == (1, small.lake.version(TABLE))
    assert [path.suffix for path in sorted((folder / "_delta_log").glob("0*"))] == [".parquet", ".json"]


def test_a_purged_table_is_read_by_delta_rs_and_duckdb_and_counts_on(small: Any) -> None:
    _rewritten(small)
    before, rows = small.lake.version(TABLE), len(small.rows(TABLE))

    purge(small.lake, TABLE)
    small.write(TABLE, small.rows(TABLE))

    assert small.lake.version(TABLE) == before + 2
    with small.lake.duck(only=[TABLE]) as connection:
        assert connection.execute(f"SELECT count(*) FROM {TABLE}").fetchall() == [(rows,)]
    with pytest.raises(UsageError, match="no table"):
        small.lake.delta(TABLE, before)


def test_a_clean_table_is_left_as_it_is(small: Any) -> None:
    _rewritten(small)
    first = purge(small.lake, TABLE)
    again = purge(small.lake, TABLE)
    assert (again.version, again.files, again.log_files) == (first.version, 0, 0)


def test_a_table_that_never_had_a_row_keeps_its_version_and_one_that_had_some_is_sealed(small: Any) -> None:
    never, once = "ops.holds", "silver.duplicates"
    assert (small.lake.version(never), small.rows(never)) == (0, [])
    small.write(once, [])

    done = {table: purge(small.lake, table) for table in (never, once)}

    assert (done[never].version, done[never].files, done[never].log_files) == (0, 0, 0)
    assert done[once].files == 1
    assert done[once].version == small.lake.version(once) > 1
    assert (small.rows(never), small.rows(once)) == ([], [])


def test_a_purge_that_died_after_its_commit_is_done_by_the_next(small: Any) -> None:
    folder = _rewritten(small)
    version = seal_off(small.lake, TABLE)

    done = purge(small.lake, TABLE)

    assert done.version == version
    assert b"dan@example.com" not in _bytes(folder)


def test_checksums_of_hadoop_beside_files_that_go_do_not_stay(small: Any) -> None:
    folder = _rewritten(small)
    for path in [*folder.glob("*.parquet"), *(folder / "_delta_log").glob("*.json")]:
        path.with_name(f".{path.name}.crc").write_bytes(b"crc")

    purge(small.lake, TABLE)

    left = {path.name for path in folder.glob("*.parquet")}
    assert {path.name for path in folder.glob(".*.crc")} == {f".{name}.crc" for name in left}
    assert not list((folder / "_delta_log").glob(".*.crc"))


def test_who_adds_rows_meanwhile_waits(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    old_entries, held = purging._old_entries, []

    def watched(folder: Path, version: int) -> list[Path]:
        held.append(small.lake.is_locked("ops.holds"))
        return old_entries(folder, version)

    monkeypatch.setattr(purging, "_old_entries", watched)
    purge(small.lake, "ops.holds")

    assert held == [True]  # the lock that Lake.append takes


def test_entries_of_later_versions_are_kept(small: Any) -> None:
    _rewritten(small)
    log = Path(small.lake.path(TABLE)) / "_delta_log"
    version = seal_off(small.lake, TABLE)
    small.write(TABLE, small.rows(TABLE))

    left = {path.name for path in log.glob("0*")} - {path.name for path in purging._old_entries(log.parent, version)}

    assert left == {f"{number:020d}.json" for number in (version, version + 1)}

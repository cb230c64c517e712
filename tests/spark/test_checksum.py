"""A table that was just made tells what its log adds up to."""

import json
from pathlib import Path

import deltalake
import pyarrow as pa
import pytest

from lakehouse.checksum import FIRST, write_first
from lakehouse.lake import Lake
from tests.spark.pipeline import rows


def test_spark_adds_to_a_new_table_without_reading_its_log_by_jobs_of_its_own(web_lake: Lake) -> None:
    fresh, without = "silver.duplicates", "silver.quarantine"
    log = Path(web_lake.path(without)) / "_delta_log"
    (log / f"{FIRST}.crc").unlink()
    assert [jobs_of_append(web_lake, table) for table in (fresh, without)] == [1, 4]
    assert rows(web_lake, fresh, "event_id") == [("web:m1",)]
    known = json.loads((Path(web_lake.path(fresh)) / "_delta_log" / f"{1:020}.crc").read_text())
    assert (known["numFiles"], known["numMetadata"], known["metadata"]["name"]) == (1, 1, fresh)


def jobs_of_append(lake: Lake, table: str) -> int:
    columns = lake.contracts.table(table).columns
    given = {"event_id": "'web:m1'"}
    made = (f"cast({given.get(name, 'null')} as {column.type}) as {name}" for name, column in columns.items())
    df = lake.spark.range(1).selectExpr(*made)
    scheduler = lake.spark.sparkContext._jsc.sc().dagScheduler()
    before = scheduler.nextJobId()
    lake.append_df(table, df)
    return int(scheduler.nextJobId()) - int(before)


@pytest.mark.parametrize("has_rows", [False, True])
def test_only_a_version_that_makes_a_table_and_no_more_is_summed_up(tmp_path: Path, has_rows: bool) -> None:
    given = pa.table({"a": pa.array([1], pa.int32())})
    deltalake.write_deltalake(tmp_path / "t", given if has_rows else given.slice(0, 0))
    write_first(tmp_path / "t")
    assert (tmp_path / "t" / "_delta_log" / f"{FIRST}.crc").exists() != has_rows


def test_a_table_whose_first_entry_was_swept_up_stays_as_it_is(tmp_path: Path) -> None:
    deltalake.write_deltalake(tmp_path, pa.table({"a": pa.array([], pa.int32())}))
    (tmp_path / "_delta_log" / f"{FIRST}.json").unlink()
    write_first(tmp_path)
    assert list((tmp_path / "_delta_log").glob("*.crc*")) == []

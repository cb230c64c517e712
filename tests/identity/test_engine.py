"""Which engine compares and joins: by size, unless somebody says."""

import pytest

from identity.engine import BYTES_PER_RECORD, BYTES_PER_RECORD_OF_FILE, SHARE_OF_MEMORY, engine_for, memory_of_machine

MEMORY = 8_000_000_000
MOST = int(SHARE_OF_MEMORY * MEMORY / BYTES_PER_RECORD)


@pytest.mark.parametrize(("records", "engine"), [(0, "duckdb"), (MOST, "duckdb"), (MOST + 1, "spark")])
def test_duckdb_serves_while_the_records_fit_its_share_of_memory_and_spark_beyond(records, engine):
    assert engine_for(records, "auto", MEMORY) == engine


def test_three_million_records_of_a_file_are_compared_in_duckdb_on_a_machine_of_sixteen_gigabytes():
    choices = [
        engine_for(records, memory=16_000_000_000, bytes_per_record=BYTES_PER_RECORD_OF_FILE)
        for records in (3_000_000, 4_000_000)
    ]
    assert choices == ["duckdb", "spark"]


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_a_setting_forces_either_engine_whatever_the_size(engine):
    assert [engine_for(records, engine, MEMORY) for records in (1, 100 * MOST)] == [engine, engine]


def test_the_machine_says_how_much_memory_it_has():
    assert memory_of_machine() > 100_000_000

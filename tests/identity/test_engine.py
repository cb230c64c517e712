"""Which engine compares and joins: by size, unless somebody says."""

import pytest

from identity.engine import BYTES_PER_RECORD, SHARE_OF_MEMORY, engine_for, memory_of_machine

MEMORY = 8_000_000_000
MOST = int(SHARE_OF_MEMORY * MEMORY / BYTES_PER_RECORD)


@pytest.mark.parametrize(("records", "engine"), [(0, "duckdb"), (MOST, "duckdb"), (MOST + 1, "spark")])
def test_duckdb_serves_while_the_records_fit_its_share_of_memory_and_spark_beyond(records, engine):
    assert engine_for(records, "auto", MEMORY) == engine


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_a_setting_forces_either_engine_whatever_the_size(engine):
    assert [engine_for(records, engine, MEMORY) for records in (1, 100 * MOST)] == [engine, engine]


def test_the_machine_says_how_much_memory_it_has():
    assert memory_of_machine() > 100_000_000

"""Delta tables are opened once a version, and nobody sees through what was kept what is no more so."""

from typing import Any

import pyarrow as pa

TABLE = "silver.identifiers"


def test_a_table_is_opened_once_until_somebody_writes_to_it(small: Any) -> None:
    kept = small.lake.delta(TABLE)
    assert small.lake.delta(TABLE) is kept
    assert small.lake.delta("silver.events") is not kept

    small.write(TABLE, small.rows(TABLE)[:1])

    assert small.lake.delta(TABLE) is not kept
    assert small.lake.delta(TABLE).version() == small.lake.version(TABLE)
    assert len(small.rows(TABLE)) == 1


def test_an_older_version_stays_what_it_is_whoever_writes_through_the_newest(small: Any) -> None:
    before, rows = small.lake.version(TABLE), small.rows(TABLE)
    older, newest = small.lake.delta(TABLE, before), small.lake.delta(TABLE)
    gone = pa.table({"record_id": [rows[0]["record_id"]]})

    newest.merge(gone, "t.record_id = s.record_id", "s", "t").when_matched_delete().execute()

    assert older.version() == before
    assert small.lake.delta(TABLE, before).version() == before
    assert small.lake.arrow(TABLE, version=before).num_rows == len(rows)
    assert len(small.rows(TABLE)) == len(rows) - 1

"""A known truth: which records there are, and whose they are. Only an evaluation reads it."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from contracts.records import record_id

FILE = "records.parquet"


def read_truth(folder: Path, key: bytes) -> pa.Table:
    """record_id, person_id and is_shared of ``records.parquet``.

    Args:
        folder: Where the file is. It names a record by its ``record_id``, or by ``kind`` and ``value``: what a lake
            calls a mailbox or a telephone, only its key says.
        key: The lake's identity key.
    """
    told = pq.read_table(folder / FILE)
    if "record_id" not in told.column_names:
        pairs = zip(told["kind"].to_pylist(), told["value"].to_pylist(), strict=True)
        told = told.append_column("record_id", pa.array([record_id(*pair, key) for pair in pairs], pa.string()))
    return told.select(["record_id", "person_id", "is_shared"])

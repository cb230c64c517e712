"""The numbers of a lake's identity in docs/benchmarks.md: a full run, a day of 1 % new records, an unlink.

``python -m tests.bench_identity FOLDER resolve|unlink`` is one run on the lake in a folder, in a process of its own.
"""

import datetime
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from identity.decisions import decide
from identity.resolve import resolve
from lakehouse.lake import Lake
from lakehouse.run import Run
from lakehouse.schema import arrow_schema
from lakehouse.settings import Settings
from sandbox.crowd import crowd

_SECTION = """## Who is who in a lake

The records of `python -m sandbox.crowd` as silver holds them, one event a record, by the contract and the model in
use. Wanted at 1,000,000: a day of 1 % new records in 5 % of the full run, an unlink in 30 seconds, id churn 0.

{runs}"""

DAY = datetime.date(2017, 12, 31)
START = datetime.datetime(2017, 1, 1, tzinfo=datetime.UTC)
_SAID = ("first_name", "last_name", "birth_date", "email", "phone", "street", "city", "postcode")
_HELD = ("email", "phone")


def section(sizes: list[int]) -> str:
    """The section of docs/benchmarks.md."""
    from tests.bench_people import timed

    lines = ["| records | run | seconds | of the full run | GB | id churn |", "| ---: | --- |" + " ---: |" * 4]
    for records in sizes:
        with tempfile.TemporaryDirectory(prefix="clew-bench-") as folder:
            home = Path(folder)
            full = 0.0
            people, _ = crowd(round(records * 1.01))
            parts = {"full": people.slice(0, records), "1 % new": people.slice(records), "unlink": None}
            for landing, (name, landed) in enumerate(parts.items(), start=1):
                if landed:
                    write_silver(lake_in(home), landed, landing)
                what = "resolve" if landed else "unlink"
                found = timed([sys.executable, "-m", "tests.bench_identity", str(home), what])
                full = full or found["seconds"]
                lines.append(
                    f"| {records:,} | {name} | {found['seconds']:.0f} | {found['seconds'] / full:.1%} "
                    f"| {found['memory'] / 2**30:.1f} | {found['records_churned']:,} |"
                )
    return _SECTION.format(runs="\n".join(lines))


def lake_in(home: Path) -> Lake:
    """The lake in a folder."""
    return Lake(Settings(home=home))


def write_silver(lake: Lake, rows: pa.Table, landing: int) -> None:
    """Land records of a crowd, as files of their own."""
    number = pc.cast(pc.utf8_slice_codeunits(rows["record_id"], 1), pa.int64())
    ids = pc.binary_join_element_wise("crm", rows["record_id"], ":")
    seen = pc.add(pa.scalar(START), number.cast(pa.duration("s")))
    event = {"event_id": ids, "record_id": ids, "occurred_at": seen, "position": number}
    _append(lake, "silver.events", landing, event)
    _append(lake, "silver.customer_records", landing, event | {name: rows[name] for name in _SAID})
    for name in _HELD:
        held = {"record_id": ids, "value": rows[name], "first_seen": seen, "last_seen": seen}
        _append(lake, "silver.identifiers", landing, held | {"identifier": pa.array([name] * len(rows))})


def _append(lake: Lake, table: str, landing: int, columns: dict[str, Any]) -> None:
    """Append columns to a table; what is not given is the same in every row."""
    schema = arrow_schema(lake.contracts.table(table))
    rows = len(columns["record_id"])
    same: dict[str, Any] = {"source": "crm", "landing": landing, "type": "identify", "event": "customer_identified"}
    given = {}
    for field in schema:
        other = same.get(field.name, None if field.nullable else "" if pa.types.is_string(field.type) else 1)
        if pa.types.is_timestamp(field.type):
            other = START
        given[field.name] = columns.get(field.name, pa.array([other] * rows, field.type))
    lake.append(table, pa.table(given).cast(schema))


def _run(home: Path, what: str) -> dict[str, int]:
    lake = lake_in(home)
    if what == "unlink":
        one, other = _joined(lake)
        decide(lake, "unlink", (one, other), reason="measured", author="bench", at=START, as_of=DAY)
    return resolve(lake, Run(f"{what}-{os.getpid()}", DAY))


def _joined(lake: Lake) -> tuple[str, str]:
    """Two records that an edge joined."""
    with lake.duck(only=["identity.edges"]) as connection:
        rows = connection.sql(
            """SELECT left_record, right_record FROM identity.edges WHERE state = 'linked'
               ORDER BY left_record, right_record LIMIT 1 OFFSET 1000"""
        ).fetchall()
    return rows[0]


if __name__ == "__main__":
    print(json.dumps(_run(Path(sys.argv[1]), sys.argv[2])))

"""The dictionary's own examples and anti-examples: each goes through silver as a channel would send it."""

import csv
import datetime
import io
import json
from collections.abc import Iterator
from functools import cache

import pytest

from contracts import Contracts
from contracts.event import AntiExample, Event, Example
from contracts.source import Source
from spark_jobs.silver.conform import judge
from spark_jobs.silver.keyed import pads_of

DDL = (
    "payload string, undecoded binary, file string, line int, position bigint, landing int, landed_at timestamp, "
    "run_id string, contract_version string"
)


@cache
def contracts() -> Contracts:
    return Contracts()


def examples() -> Iterator[tuple[str, Event, Example]]:
    for event in contracts().events.values():
        for home in ("examples", "anti_examples"):
            for number, example in enumerate(getattr(event, home)):
                yield f"{event.event}/{home}/{number}", event, example


def lines_of(source: Source, example: Example) -> list[str]:
    if source.format.type == "json":
        return [example.line or json.dumps(example.record, ensure_ascii=False)]
    columns = [*source.format.columns, *source.format.optional_columns]
    header = source.format.delimiter.join(columns)
    if example.line is not None:
        return [header, example.line]
    cells = io.StringIO()
    csv.DictWriter(cells, columns, delimiter=source.format.delimiter, lineterminator="").writerow(example.record)
    return [header, cells.getvalue()]


@pytest.fixture(scope="module")
def verdicts(make_lake):
    """What silver makes of every example, judged in one pass: a file each, named after the example."""
    spark = make_lake().spark
    landed = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    rows: dict[str, list[tuple]] = {}
    for key, _, example in examples():
        source = contracts().sources[example.source]
        mine = rows.setdefault(example.source, [])
        for number, line in enumerate(lines_of(source, example), 1):
            mine.append((line, None, key, number, len(mine) + 1, 1, landed, "r", source.version))
    frames = {source: spark.createDataFrame(rows.get(source, []), DDL) for source in contracts().sources}
    found: dict[str, list] = {}
    for source, frame in frames.items():
        judged = judge(frame, contracts().sources[source], contracts(), pads_of(spark, b"a key for tests"))
        for row in judged.where("not is_header").select("file", "event", "reasons").collect():
            found.setdefault(row["file"], []).append(row)
    return found


CASES = list(examples())


def test_there_are_examples_of_every_event() -> None:
    assert len(contracts().events) >= 20
    assert {event.event for _, event, _ in CASES} == set(contracts().events)


@pytest.mark.parametrize(("key", "event", "example"), CASES, ids=[key for key, _, _ in CASES])
def test_an_example_is_kept_and_an_anti_example_is_refused_as_it_says(verdicts, key, event, example) -> None:
    messages = verdicts[key]
    assert messages
    for message in messages:
        codes = [reason.split(":")[0] for reason in message["reasons"]]
        if isinstance(example, AntiExample):
            assert codes == [example.refused_as]
        else:
            assert codes == []
            assert message["event"] == event.event

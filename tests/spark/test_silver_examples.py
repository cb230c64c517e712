"""The examples and anti-examples of every business: each goes through silver as a channel would send it."""

import csv
import datetime
import io
import json
from collections.abc import Iterator
from functools import cache

import pytest

from clew.scenario import FOLDER
from contracts import HERE, Contracts
from contracts.event import AntiExample, Event, Example
from contracts.source import Source
from spark_jobs.silver.conform import judge
from spark_jobs.silver.keyed import pads_of

DDL = (
    "payload string, undecoded binary, file string, line int, position bigint, landing int, landed_at timestamp, "
    "run_id string, contract_version string"
)


BUSINESSES = {"retailer": HERE, **{path.parent.name: path for path in sorted(FOLDER.glob("*/contracts"))}}


@cache
def contracts(business: str) -> Contracts:
    return Contracts(BUSINESSES[business])


def examples(business: str) -> Iterator[tuple[str, Event, Example]]:
    for event in contracts(business).events.values():
        for home in ("examples", "anti_examples"):
            for number, example in enumerate(getattr(event, home)):
                yield f"{business}/{event.event}/{home}/{number}", event, example


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
    found: dict[str, list] = {}
    for business in BUSINESSES:
        for source, frame in frames_of(spark, business).items():
            declared = contracts(business)
            judged = judge(frame, declared.sources[source], declared, pads_of(spark, b"a key for tests"))
            for row in judged.where("not is_header").select("file", "event", "reasons").collect():
                found.setdefault(row["file"], []).append(row)
    return found


def frames_of(spark, business: str) -> dict:
    """The lines of all examples by source."""
    landed = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    rows: dict[str, list[tuple]] = {}
    for key, _, example in examples(business):
        source = contracts(business).sources[example.source]
        mine = rows.setdefault(example.source, [])
        for number, line in enumerate(lines_of(source, example), 1):
            mine.append((line, None, key, number, len(mine) + 1, 1, landed, "r", source.version))
    return {source: spark.createDataFrame(given, DDL) for source, given in rows.items()}


CASES = [case for business in BUSINESSES for case in examples(business)]


def test_there_are_examples_of_every_event() -> None:
    for business in BUSINESSES:
        assert len(contracts(business).events) >= 20
        named = {key.split("/")[1] for key, _, _ in CASES if key.startswith(f"{business}/")}
        assert named == set(contracts(business).events)


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

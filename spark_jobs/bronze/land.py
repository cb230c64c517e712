"""Land: every new line of every landing folder into its append-only bronze table.

Idempotence key: a source's stream and its batch number (Delta's txnAppId and txnVersion). A batch that was written
before the process died is not written again; a stream whose checkpoint was lost gets a new name, so that its
batches, numbered from 0 once more, are not mistaken for old ones and dropped.
"""

import datetime
import re
import urllib.parse
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pyspark.errors import StreamingQueryException
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.source import Source
from lakehouse.errors import ClewError, DataError
from lakehouse.hold import give_way
from lakehouse.lake import Lake
from lakehouse.run import Run, Step
from spark_jobs.bronze.lines import blocks_of, bronze_rows, stream_of, with_reader_order
from spark_jobs.bronze.long_lines import take_out_long_lines
from spark_jobs.bronze.moving import changed, shown, sizes, tell_of_changed
from spark_jobs.bronze.unreadable import set_aside_unreadable

STREAM_ID = "clew_stream_id"
_FAILED_FILE = re.compile(r"reading file file:(\S+)\.\s")


def land(lake: Lake, run: Run) -> dict[str, int]:
    """Land what is new in ``landing/<source>/``, all sources at once.

    Returns:
        Lines landed by source.

    Raises:
        DataError: If a batch wrote another number of lines than it read.
        EnvironmentFault: If this is an hourly run, and a daily one needs silver to stand still.
    """
    with run.step(lake, "land") as step, lake.lock("land"):
        give_way(lake, run)
        lake.ensure_tables()
        landed = _begin_landing(lake, run)
        told = [_unclaimed(lake)]
        sources = []
        for source in (lake.contracts.sources[name] for name in sorted(lake.contracts.sources)):
            fault = _prepare(lake, source, step)
            told.append(fault)
            if not fault:
                sources.append(source)
        seen = {source.source: sizes(lake.settings.landing / source.source) for source in sources}
        spark = lake.spark  # started before the threads, which would each start their own
        del spark
        with ThreadPoolExecutor(max(1, len(sources))) as pool:
            counts = list(
                pool.map(lambda source: _land_source(lake, source, landed, seen[source.source], step), sources)
            )
        step.rows = sum(counts)
        for source in sources:
            told += tell_of_changed(lake.settings.landing / source.source, seen[source.source])
        step.message = "; ".join(filter(None, [*told, *_passed_over(lake, landed, sources)]))
        return dict.fromkeys(sorted(lake.contracts.sources), 0) | {
            source.source: count for source, count in zip(sources, counts, strict=True)
        }


def _prepare(lake: Lake, source: Source, step: Step) -> str:
    """Have only files of lines in a landing folder; says why that cannot be had, and the folder must wait.

    What is in bronze has been looked at; all else is, however often a run died or the folder had to wait.
    """
    folder, name = lake.settings.landing / source.source, f"landing/{source.source}"
    if folder.is_symlink():
        return f"{name} is a link, and links are not followed: nothing of it has landed; make it a folder"
    if folder.exists() and not folder.is_dir():
        return f"{name} is no folder: nothing of it has landed; make it one"
    landed = _read_by_stream(lake, source)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in set_aside_unreadable(folder, landed, source.limits):
            step.say(f"{source.source}: {shown(path.name)} cannot be read, set aside")
        for path in take_out_long_lines(folder, landed, source.limits):
            step.say(f"{source.source}: a line is too long, kept as {path.name}")
    except ClewError as error:
        where = shown(error.where.removeprefix(f"{lake.settings.landing.parent}/"))
        return f"nothing of {name} has landed: {error.what}: {where}; {error.do}"
    except OSError as error:
        return (
            f"nothing of {name} has landed: what cannot be read there could not be set aside "
            f"({error.strerror}); give the user that runs Clew the right to read it and to write to it"
        )
    return ""


def _begin_landing(lake: Lake, run: Run) -> dict:
    """This run's landing.

    A retry goes on with its own number while that is the newest and silver has no account of it; lines that came
    under an accounted number would never be conformed.
    """
    known = sorted(lake.arrow("ops.landings").to_pylist(), key=lambda row: row["landing"])
    accounted = lake.arrow("ops.row_counts", columns=["landing"])["landing"].to_pylist()
    if known and known[-1]["run_id"] == run.run_id and known[-1]["landing"] not in accounted:
        return known[-1]
    landed = {
        "landing": known[-1]["landing"] + 1 if known else 1,
        "run_id": run.run_id,
        "landed_at": datetime.datetime.now(datetime.UTC),
    }
    lake.append("ops.landings", [landed])
    return landed


def _unclaimed(lake: Lake) -> str:
    """Name what lies in landing/ and is no source's: it waits, and somebody should know."""
    there = sorted(path for path in lake.settings.landing.glob("*") if path.name[0] not in "._")
    strays = [path.name for path in there if path.is_file() or path.name not in lake.contracts.sources]
    named = ", landing/".join(map(shown, strays))
    return f"no source contract for landing/{named}: left as it is" if strays else ""


def _passed_over(lake: Lake, landed: dict, sources: Iterable[Source]) -> Iterator[str]:
    """Name the files that are not in bronze as they lie in landing/: a path is read once, whatever becomes of it.

    Those that wait have been told of. A file that came while this landing was under way may be the next one's, and is
    not judged.
    """
    ended = {
        row["run_id"]: row["at"]
        for row in lake.arrow("ops.runs").to_pylist()
        if row["step"] == "land" and row["seconds"]
    }
    ends = {row["landing"]: ended.get(row["run_id"]) for row in lake.arrow("ops.landings").to_pylist()}
    for source in sources:
        known = _files_in_bronze(lake, source)
        for path, size in sizes(lake.settings.landing / source.source).items():
            file = path.relative_to(lake.settings.landing).as_posix()
            if not size:
                continue
            try:
                changed_at = path.stat().st_mtime
            except FileNotFoundError:
                continue
            if file not in known:
                may_be_empty_inside = path.suffix in (".gz", ".bz2")
                if changed_at < landed["landed_at"].timestamp() and not may_be_empty_inside:
                    yield (
                        f"landing/{shown(file)} has not landed: a file of this name was there before; "
                        "give it a new name"
                    )
                continue
            end = ends.get(known[file]) if known[file] < landed["landing"] else None
            if end is not None and changed_at > end.timestamp():
                yield f"landing/{shown(file)} was changed after it had landed: give it a new name"


def _read_by_stream(lake: Lake, source: Source) -> set[Path]:
    """The files that the stream will not read again: those in bronze, unless its checkpoint was lost."""
    if not (_checkpoint(lake, source) / STREAM_ID).exists():
        return set()
    return {lake.settings.landing / file for file in _files_in_bronze(lake, source)}


def _files_in_bronze(lake: Lake, source: Source) -> dict[str, int]:
    """The files of a source that have landed, relative to landing/, each with its newest landing."""
    table = f"bronze.{source.source}"
    with lake.quick(table) as connection:
        return dict(connection.execute(f"select file, max(landing) from {table} group by file").fetchall())


def _land_source(lake: Lake, source: Source, landed: dict, seen: dict[Path, int], step: Step) -> int:
    table = f"bronze.{source.source}"
    checkpoint = _checkpoint(lake, source)
    stream_id = _stream_id(checkpoint)
    written = 0

    def write_batch(batch: DataFrame, batch_id: int) -> None:
        nonlocal written
        written += _write_batch(lake, source, landed, batch, (f"{table}/{stream_id}", batch_id), seen)
        step.say(source.source, rows=written)

    query = (
        stream_of(lake.spark, (lake.settings.landing / source.source).as_uri())
        .writeStream.queryName(table)
        .option("checkpointLocation", checkpoint.as_uri())
        .trigger(availableNow=True)
        .foreachBatch(write_batch)
        .start()
    )
    try:
        query.awaitTermination()
    except StreamingQueryException as error:
        fault = _of_file(lake, str(error))
        if fault is None:
            raise
        raise fault from error
    return written


def _write_batch(
    lake: Lake, source: Source, landed: dict, batch: DataFrame, txn: tuple[str, int], seen: dict[Path, int]
) -> int:
    table = f"bronze.{source.source}"
    before = lake.delta(table)
    lines = with_reader_order(batch)
    blocks = blocks_of(lines, lake.highest(table, "position") or 0, lake.settings.landing.as_posix()).persist()
    try:
        (counted,) = blocks.agg(F.coalesce(F.sum("lines"), F.lit(0)).alias("lines")).collect()
        expected = counted["lines"]
        if not expected:
            return 0
        rows = bronze_rows(lines, blocks, source, landed)
        lake.append_df(table, rows, txn)
    finally:
        blocks.unpersist()
    after = lake.delta(table)
    if after.version() == before.version():
        return 0  # this very batch was written before the process died
    written = int(after.history(1)[0]["operationMetrics"]["numOutputRows"])
    if written != expected and not (written < expected and any(changed(seen))):  # of those, land() tells
        raise DataError(
            f"{expected} lines were read but {written} written: a file changed while it was being landed",
            f"{table}, landing {landed['landing']}",
            "write files under a name that begins with _ and rename them when they are whole; then restore "
            f"{table} to version {before.version()}, remove the source's folder in lake/_checkpoints/bronze, so that "
            "its files land anew, and run again: what had landed before is counted as duplicates",
        )
    return written


def _of_file(lake: Lake, told: str) -> DataError | None:
    """The error that names the file a stream failed on, where Spark names it."""
    found = _FAILED_FILE.search(told)
    if not found:
        return None
    path = urllib.parse.unquote("/" + found[1].lstrip("/"))
    return DataError(
        "a file in landing/ cannot be read, and its source waits for it",
        shown(path.removeprefix(f"{lake.settings.landing.parent}/")),
        "move it out of landing/ and run the same command again; what it held can come under another name",
    )


def _checkpoint(lake: Lake, source: Source) -> Path:
    return lake.settings.lake / "_checkpoints" / "bronze" / source.source


def _stream_id(checkpoint: Path) -> str:
    """The name of a source's stream, kept in its checkpoint and lost with it."""
    path = checkpoint / STREAM_ID
    if not path.exists():
        checkpoint.mkdir(parents=True, exist_ok=True)
        draft = path.with_name(f"_{path.name}")
        draft.write_text(uuid.uuid4().hex)
        draft.replace(path)  # whole or not there: a run killed between would leave a name that others get, too
    return path.read_text()

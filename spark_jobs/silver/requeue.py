"""Requeue: quarantined messages once more through the contracts, as they are now.

The outcome is the one that a rebuild from bronze with these contracts would give: of several messages with one id the
first that landed is kept, so a message that returns may take the place of one that was kept meanwhile.

Idempotence key: the message (source, position, part). Its row is replaced in each table; the quarantine comes last,
so that a run that died half-way finds its messages there again and repeats what it did.
"""

import functools
import shutil
from pathlib import Path

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.erasing import refuse_half_erased
from lakehouse.lake import Lake
from lakehouse.naming import refuse_other_names
from lakehouse.run import Run, Step
from spark_jobs.privacy.again import erase_again
from spark_jobs.silver import route
from spark_jobs.silver.conform import (
    MESSAGE_KEY,
    account,
    clear_stage,
    quarantined,
    stage,
    write_projections,
)
from spark_jobs.silver.dedupe import judge_repeats
from spark_jobs.silver.recount import recount


def requeue(lake: Lake, run: Run, source: str | None = None, reason: str | None = None) -> dict[str, int]:
    """Send quarantined messages through again.

    Args:
        lake: The lake.
        run: The run it happens in.
        source: Only messages of this source.
        reason: Only messages that have this reason code, such as ``unknown_event``.

    Returns:
        Messages selected, and what became of them: kept, duplicates, quarantined (again), headers;
            erased where there are any.
    """
    with run.step(lake, "requeue") as step, lake.lock("land"), lake.lock("conform"):
        refuse_half_erased(lake)
        refuse_other_names(lake)
        quarantine = lake.df("silver.quarantine", lake.version("silver.quarantine"))
        selected = _selected(quarantine, source, reason).persist()
        try:
            total = selected.count()
            counts = _requeue(lake, step, selected) if total or is_unfinished(lake) else {}
        finally:
            selected.unpersist()
        lake.overwrite("ops.row_counts", recount(lake))
        shutil.rmtree(_note(lake), ignore_errors=True)
        step.rows = counts.get("kept", 0)
        return {"selected": total, **counts}


def is_unfinished(lake: Lake) -> bool:
    """Whether a requeue died before its end; the next one, whatever it selects, finishes it."""
    return _note(lake).is_dir()


def _selected(quarantine: DataFrame, source: str | None, reason: str | None) -> DataFrame:
    rows = quarantine
    if source is not None:
        rows = rows.where(F.col("source") == source)
    if reason is not None:
        rows = rows.where(F.exists("reasons", lambda told: told.startswith(f"{reason}:")))
    return rows.select(*MESSAGE_KEY)


def _requeue(lake: Lake, step: Step, selected: DataFrame) -> dict[str, int]:
    judged = stage(lake, _lines(lake, selected), step).join(F.broadcast(selected), list(MESSAGE_KEY), "left_semi")
    rivals = _rivals(lake, judged.select("event_id").where("event_id is not null").distinct())
    keys = _noted(lake, selected.union(rivals).distinct())
    if keys.isEmpty():
        clear_stage(lake)
        return {}
    judged = stage(lake, _lines(lake, keys), step).join(F.broadcast(keys), list(MESSAGE_KEY), "left_semi")
    judged = erase_again(lake, judged, step)
    accepted = judged.where(route.ACCEPTED)
    nothing = accepted.select("event_id", "content_hash", "position").limit(0)
    repeats = judge_repeats(accepted, nothing)
    fated = route.with_fate(judged, repeats)
    chosen = fated.join(F.broadcast(selected), list(MESSAGE_KEY), "left_semi")
    fates = {row["fate"]: row["count"] for row in chosen.groupBy("fate").count().collect()}
    where = [row.asDict() for row in account(fated, lake.contracts).collect()]  # one row a landing and source
    _replace(lake, "silver.events", keys, route.events(fated))
    _replace(lake, "silver.duplicates", keys, route.duplicates(fated))
    predicate = f"landing in ({', '.join(str(n) for n in sorted({row['landing'] for row in where}))})"
    kept = lake.df("silver.events").where(predicate)
    write_projections(lake, kept, lambda table, df: lake.write_df(table, df, predicate), step)
    with_conflicts = sorted({row["source"] for row in where if row["conflicts"]})
    _replace(lake, "silver.quarantine", keys, quarantined(lake, fated, repeats, with_conflicts))
    clear_stage(lake)
    return {
        "kept": fates.get("kept", 0),
        "duplicates": fates.get("duplicate", 0),
        "quarantined": fates.get("quarantined", 0),
        "headers": fates.get("header", 0),
        **({"erased": fates["erased"]} if "erased" in fates else {}),
    }


def _noted(lake: Lake, keys: DataFrame) -> DataFrame:
    """The keys, written down before the first table changes, with those that a requeue which died had written.

    A message that gave way to an earlier one is for a moment in no table; only the note knows of it then.
    """
    # A note without Spark's mark of success was being written when its run died, before any table changed.
    notes = sorted(path.parent for path in _note(lake).glob("*/_SUCCESS"))
    for note in notes:
        keys = keys.union(lake.spark.read.parquet(note.as_uri()))
    fresh = _note(lake) / f"{len(list(_note(lake).glob('*'))):06d}"
    keys.distinct().write.parquet(fresh.as_uri())
    return lake.spark.read.parquet(fresh.as_uri())


def _note(lake: Lake) -> Path:
    return lake.settings.places.restricted / "_work" / "requeue"


def _lines(lake: Lake, keys: DataFrame) -> dict[str, DataFrame]:
    """The bronze lines of these messages; a CSV line is read by the header of its file, so that comes along."""
    lines = {}
    for row in keys.select("source").distinct().orderBy("source").collect():
        bronze = lake.df(f"bronze.{row['source']}")
        wanted = F.broadcast(keys.where(F.col("source") == row["source"]).select("position").distinct())
        found = bronze.join(wanted, "position", "left_semi")
        first = bronze.where("line = 1").join(F.broadcast(found.select("file").distinct()), "file", "left_semi")
        lines[row["source"]] = found.unionByName(first).dropDuplicates(["position"])
    return lines


def _rivals(lake: Lake, event_ids: DataFrame) -> DataFrame:
    """Every message, wherever it is now, that has one of these ids."""
    quarantined = F.concat_ws(":", "source", "message_id")
    frames = [
        lake.df("silver.events").select("event_id", *MESSAGE_KEY),
        lake.df("silver.duplicates").select("event_id", *MESSAGE_KEY),
        lake.df("silver.quarantine")
        .where("message_id is not null")
        .select(quarantined.alias("event_id"), *MESSAGE_KEY),
    ]
    every = functools.reduce(DataFrame.union, frames)
    return every.join(F.broadcast(event_ids), "event_id", "left_semi").select(*MESSAGE_KEY)


def _replace(lake: Lake, table: str, keys: DataFrame, rows: DataFrame) -> None:
    """Put ``rows`` in the place of whatever the table holds under ``keys``, in one commit."""
    present = rows.withColumn("is_present", F.lit(True))
    incoming = keys.join(present, list(MESSAGE_KEY), "left")
    columns = lake.contracts.table(table).columns
    assigned = ", ".join(f"t.`{name}` = s.`{name}`" for name in columns)
    names = ", ".join(f"`{name}`" for name in columns)
    values = ", ".join(f"s.`{name}`" for name in columns)
    incoming.createOrReplaceTempView("requeued")
    lake.spark.sql(
        f"merge into delta.`{lake.path(table)}` t using requeued s "
        f"on {' and '.join(f't.{key} = s.{key}' for key in MESSAGE_KEY)} "
        f"when matched and s.is_present then update set {assigned} "
        "when matched then delete "
        f"when not matched and s.is_present then insert ({names}) values ({values})"
    ).collect()
    lake.spark.catalog.dropTempView("requeued")

"""Requeue: quarantined messages once more through the contracts, as they are now.

The outcome is the one that a rebuild from bronze with these contracts would give: of several messages with one id the
first that landed is kept, so a message that returns may take the place of one that was kept meanwhile.

Idempotence key: the message (source, position, part). Its row is replaced in each table; the quarantine comes last,
so that a run that died half-way finds its messages there again and repeats what it did.
"""

import functools

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.lake import Lake
from lakehouse.run import Run, Step
from spark_jobs.silver import route
from spark_jobs.silver.conform import MESSAGE_KEY, judge, write_projections
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
        Messages selected, and what became of them: kept, duplicates, quarantined (again).
    """
    with run.step(lake, "requeue") as step, lake.lock("conform"):
        selected = _selected(lake.df("silver.quarantine"), source, reason).persist()
        try:
            total = selected.count()
            counts = _requeue(lake, step, selected) if total else {}
        finally:
            selected.unpersist()
        lake.overwrite("ops.row_counts", recount(lake, run.run_id))
        step.rows = counts.get("kept", 0)
        return {"selected": total, **counts}


def _selected(quarantine: DataFrame, source: str | None, reason: str | None) -> DataFrame:
    rows = quarantine
    if source is not None:
        rows = rows.where(F.col("source") == source)
    if reason is not None:
        rows = rows.where(F.exists("reasons", lambda told: told.startswith(f"{reason}:")))
    return rows.select(*MESSAGE_KEY, "file")


def _requeue(lake: Lake, step: Step, selected: DataFrame) -> dict[str, int]:
    step.say("parse and validate")
    judged, _ = _judge(lake, selected)
    rivals = _rivals(lake, judged.select("event_id").where("event_id is not null").distinct())
    keys = selected.select(*MESSAGE_KEY).union(rivals).distinct().persist()
    judged, texts = _judge(lake, keys)
    judged = judged.persist()
    try:
        accepted = judged.where(~F.col("is_header") & (F.size("reasons") == 0))
        nothing = accepted.select("event_id", "content_hash", "position").limit(0)
        fated = route.with_fate(judged, judge_repeats(accepted, nothing))
        chosen = fated.join(F.broadcast(selected.select(*MESSAGE_KEY)), list(MESSAGE_KEY), "left_semi")
        fates = {row["fate"]: row["count"] for row in chosen.groupBy("fate").count().collect()}
        landings = sorted(row["landing"] for row in fated.select("landing").distinct().collect())
        _replace(lake, "silver.events", keys, route.events(fated))
        _replace(lake, "silver.duplicates", keys, route.duplicates(fated))
        predicate = f"landing in ({', '.join(map(str, landings))})"
        write_projections(lake, lake.df("silver.events").where(predicate), predicate, step)
        _replace(lake, "silver.quarantine", keys, route.quarantine(fated, texts))
    finally:
        judged.unpersist()
        keys.unpersist()
    return {
        "kept": fates.get("kept", 0),
        "duplicates": fates.get("duplicate", 0),
        "quarantined": fates.get("quarantined", 0),
    }


def _judge(lake: Lake, keys: DataFrame) -> tuple[DataFrame, DataFrame]:
    """Judge the messages with these keys; a CSV line is read by the header of its file, so that comes along."""
    lines = {}
    for name in sorted(lake.contracts.sources):
        bronze = lake.df(f"bronze.{name}")
        wanted = F.broadcast(keys.where(F.col("source") == name).select("position").distinct())
        rows = bronze.join(wanted, "position", "left_semi")
        first = bronze.where("line = 1").join(F.broadcast(rows.select("file").distinct()), "file", "left_semi")
        lines[name] = rows.union(first.select(*rows.columns)).dropDuplicates(["position"])
    judged, texts = judge(lines, lake.contracts)
    return judged.join(F.broadcast(keys.select(*MESSAGE_KEY)), list(MESSAGE_KEY), "left_semi"), texts


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

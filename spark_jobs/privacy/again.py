"""Messages of erased people that land again: they are told in conform, buried, and have the fate `erased`.

A message is theirs by its record or its own id; by an identifier or a word only if it is nobody else's. It is somebody
else's if its record was there before the erasure: who lives on may use an erased person's mailbox or browser, and is
heard. Nor does a browser, a device or an order make a message theirs that names an account, a card or a customer.

Idempotence key: the message. Its line in bronze gets its tombstone before anything of silver is written, so a run that
died finds a tombstone there and counts it the same. What is decided depends on what landed before the erasure, never on
how landings are put together.
"""

from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from lakehouse.tombstones import ERASURES, tombstone
from spark_jobs.privacy.bury import Grave, bury
from spark_jobs.privacy.keys import ERASED, EVENT, RECORD, candidates, has_keys, of_devices
from spark_jobs.silver import route
from spark_jobs.silver.keyed import keyed_hash, pads_of
from spark_jobs.silver.sql import words

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.lake import Lake
    from lakehouse.run import Step

_SCHEMA = pa.schema([("source", pa.string()), ("position", pa.int64()), ("part", pa.int32())])
_KEY = _SCHEMA.names


def erase_again(lake: "Lake", judged: "DataFrame", step: "Step") -> "DataFrame":
    """Bury the judged messages that are an erased person's, and mark them so.

    Args:
        lake: The lake; the caller holds its locks ``land`` and ``conform``.
        judged: Judged messages (conform.JUDGED).
        step: Hears how many there were.

    Returns:
        The same messages; ``is_erased`` is true of those, too.
    """
    if not has_keys(lake):
        return judged
    matches = _matches(lake, judged).persist()
    found = _theirs(lake, judged, matches).persist()
    try:
        lines = found.select("source", "position").distinct()
        held = judged.join(F.broadcast(lines), ["source", "position"], "left_semi").groupBy("source", "position")
        counts = {(row.source, row.position): row["count"] for row in held.count().collect()}
        parts: dict[tuple[str, int], list[int]] = {}
        for row in found.collect():  # of erased people only
            parts.setdefault((row.source, row.position), []).append(row.part)
        if not parts:
            return judged
        graves = [Grave(*line, tuple(sorted(its)), counts[line]) for line, its in sorted(parts.items())]
        bury(lake, graves, newest_tombstone(lake))
        again = sum(len(its) for its in parts.values())
        step.say("messages of erased people", again)
    finally:
        found.unpersist()
        matches.unpersist()
    rows = [dict(zip(_KEY, (*line, part), strict=True)) for line, its in parts.items() for part in its]
    known = lake.spark.createDataFrame(pa.Table.from_pylist(rows, schema=_SCHEMA)).withColumn("is_again", F.lit(True))
    joined = judged.join(F.broadcast(known), _KEY, "left")
    return joined.withColumn("is_erased", F.expr("is_erased or coalesce(is_again, false)")).drop("is_again")


def _matches(lake: "Lake", judged: "DataFrame") -> "DataFrame":
    """By what messages match the list: source, position, part, record_id, namespace, and when that was erased."""
    sources = [lake.contracts.sources[name] for name in sorted(lake.contracts.sources)]
    told = judged.where("not is_erased and not is_header").selectExpr(
        *_KEY, "record_id", f"inline({candidates(sources, lake.contracts.identity)})"
    )
    hashed = (
        told.where("form is not null and form <> ''")
        .crossJoin(F.broadcast(pads_of(lake.spark, lake.settings.privacy_key)))
        .selectExpr(*_KEY, "record_id", "namespace", f"{keyed_hash('namespace', 'form')} as hash")
    )
    erased = (
        lake.df(ERASED).join(lake.df(ERASURES), "erasure").groupBy("namespace", "hash").agg(F.max("at").alias("at"))
    )
    return hashed.join(F.broadcast(erased), ["namespace", "hash"]).select(*_KEY, "record_id", "namespace", "at")


def _theirs(lake: "Lake", judged: "DataFrame", matches: "DataFrame") -> "DataFrame":
    """source, position and part of the messages that are an erased person's, each once."""
    by_id = matches.where(f"namespace in ({words([RECORD, EVENT])}) or record_id is null")
    of_somebody = "record_id not like 'anonymous:%'"
    devices = words(of_devices(lake.contracts.identity)) or "''"
    by_name = matches.where(
        f"namespace not in ({words([RECORD, EVENT])}) and record_id is not null"
        f" and not (namespace in ({devices}) and {of_somebody})"
    )
    if by_name.isEmpty():
        return by_id.select(*_KEY).distinct()
    # Of erased people only, and so few: their records are asked for in what has landed.
    asked = F.broadcast(by_name.select("record_id", "at").distinct())
    here = judged.where(f"{route.ACCEPTED} and record_id is not null").selectExpr("record_id", "landed_at as there_at")
    before = lake.df("silver.events").selectExpr("record_id", "received_at as there_at")
    lived = here.unionAll(before).join(asked, "record_id").where("there_at < at").select("record_id", "at").distinct()
    nobody_elses = by_name.join(lived, ["record_id", "at"], "left_anti")
    return by_id.select(*_KEY).unionAll(nobody_elses.select(*_KEY)).distinct()


def newest_tombstone(lake: "Lake") -> str:
    """The tombstone of the newest erasure: which of them a hash is of does not matter to the account."""
    numbers = lake.arrow(ERASURES, columns=["erasure"])["erasure"].to_pylist()
    return tombstone(lake.settings.privacy_key, max(numbers))

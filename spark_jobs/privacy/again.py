"""Messages of erased people that land again: they are told in conform, buried, and have the fate `erased`.

Idempotence key: the message. Its line in bronze gets its tombstone before anything of silver is written, so a run that
died finds a tombstone there and counts it the same.
"""

from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from lakehouse.tombstones import ERASURES, tombstone
from spark_jobs.privacy.bury import Grave, bury
from spark_jobs.privacy.keys import has_keys, known_again

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

    from lakehouse.lake import Lake
    from lakehouse.run import Step

_KEY = ["source", "position", "part"]


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
    found = known_again(lake, judged).persist()
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
    rows = [(*line, part) for line, its in parts.items() for part in its]
    known = lake.spark.createDataFrame(rows, "source string, position bigint, part int").withColumn(
        "is_again", F.lit(True)
    )
    joined = judged.join(F.broadcast(known), _KEY, "left")
    return joined.withColumn("is_erased", F.expr("is_erased or coalesce(is_again, false)")).drop("is_again")


def newest_tombstone(lake: "Lake") -> str:
    """The tombstone of the newest erasure: which of them a hash is of does not matter to the account."""
    numbers = lake.arrow(ERASURES, columns=["erasure"])["erasure"].to_pylist()
    return tombstone(lake.settings.privacy_key, max(numbers))

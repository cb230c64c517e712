"""Each message once: the first that landed is kept; what repeats it is a duplicate, what contradicts it a conflict."""

from pyspark.sql import DataFrame, Window
from pyspark.sql import functions as F


def judge_repeats(accepted: DataFrame, history: DataFrame) -> DataFrame:
    """Find the messages whose id was seen before, in this window or ever.

    Args:
        accepted: The window's messages that fit their contract: event_id, content_hash, position, part.
        history: Messages kept before the window: event_id, content_hash, position.

    Returns:
        event_id, position, part, first_position, is_conflict; one row per message that must not be kept.
    """
    seen = history.select(
        "event_id", F.col("content_hash").alias("kept_hash"), F.col("position").alias("kept_position")
    )
    # Nearly every id comes once; an eight-byte hash finds the others before any text is sorted.
    narrow = accepted.select("event_id", "content_hash", "position", "part", F.xxhash64("event_id").alias("key"))
    repeated = narrow.groupBy("key").count().where("count > 1").select("key")
    within = narrow.join(repeated, "key", "left_semi")
    before = narrow.join(seen.select(F.xxhash64("event_id").alias("key")), "key", "left_semi")
    suspects = within.union(before).distinct().drop("key").join(seen, "event_id", "left")
    arrival = Window.partitionBy("event_id").orderBy("position", "part")
    judged = suspects.withColumns(
        {
            "number": F.row_number().over(arrival),
            "first_hash": F.coalesce("kept_hash", F.first("content_hash").over(arrival)),
            "first_position": F.coalesce("kept_position", F.first("position").over(arrival)),
        }
    )
    return judged.where("number > 1 or kept_position is not null").select(
        "event_id",
        "position",
        "part",
        "first_position",
        (F.col("content_hash") != F.col("first_hash")).alias("is_conflict"),
    )

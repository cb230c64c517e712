"""Bronze lines as messages: a line that holds several (a Segment batch, a webhook's array) gives one row for each."""

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.source import Source
from spark_jobs.bronze.unreadable import MARK

CARRIED = ("position", "file", "line", "landing", "landed_at", "undecoded", "contract_version")
_BATCH = "struct<batch: array<string>, sentAt: string>"


def messages_of(bronze: DataFrame, source: Source) -> DataFrame:
    """One row per message of each line.

    Args:
        bronze: A bronze table, or some rows of it.
        source: Its contract.

    Returns:
        The carried bronze columns, part (from 0), message (text), batch_sent_at (text), line_fault (text).
    """
    payload = F.regexp_replace("payload", "^\ufeff", "") if source.format.type == "csv" else F.col("payload")
    lines = bronze.select(*CARRIED, F.rtrim(payload, F.lit("\r")).alias("payload"))
    if source.format.type == "csv":
        unpacked = lines.withColumnRenamed("payload", "message").withColumns(
            {"part": F.lit(0), "batch_sent_at": F.lit(None).cast("string"), "is_empty_batch": F.lit(False)}
        )
    else:
        unpacked = _unpack(lines)
    return unpacked.withColumn("line_fault", _line_fault()).drop("is_empty_batch")


def _unpack(lines: DataFrame) -> DataFrame:
    is_array = F.ltrim(F.col("payload")).startswith("[")
    is_batch = F.col("payload").contains('"batch"')
    batch = F.from_json("payload", _BATCH)
    inner = F.when(is_array, F.from_json("payload", "array<string>")).when(is_batch, batch["batch"])
    has_several = is_array | is_batch
    return lines.select(
        *CARRIED,
        F.when(is_batch & ~is_array, batch["sentAt"]).alias("batch_sent_at"),
        F.when(has_several, F.coalesce(F.size(inner) == 0, F.lit(False))).otherwise(False).alias("is_empty_batch"),
        # What is no list after all (a broken array, a property named "batch") stays one message.
        F.posexplode(F.when(has_several & (F.size(inner) > 0), inner).otherwise(F.array("payload"))).alias(
            "part", "message"
        ),
    )


def _line_fault() -> Column:
    return (
        F.when(F.col("undecoded").isNotNull(), F.lit("not_utf8: the line's bytes are not UTF-8"))
        .when(F.trim("message") == "", F.lit("blank_line: the line holds nothing"))
        .when(
            F.col("message").startswith('{"' + MARK),
            F.lit("unreadable_file: a file could not be decompressed; it is in the _unreadable folder"),
        )
        .when(F.col("is_empty_batch"), F.lit("empty_batch: the line holds a list without messages"))
        .when(F.col("message").isNull(), F.lit("blank_line: the list holds a null"))
    )

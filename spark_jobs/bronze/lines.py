"""Lines of text as bronze rows: numbered in their file and in their source, never decoded further."""

from pyspark.sql import DataFrame, SparkSession, Window
from pyspark.sql import functions as F

from contracts.source import Source

# Names that neither begin with "_" or "." nor end in ".tmp": those are still being written. Hadoop's globs have no
# negation, hence the ways of not ending in it. (Spark passes over hidden names itself, but not over "_day=1".)
FINISHED_FILES = "{[!_.],[!_.]p,[!_.]mp,[!_.]tmp,[!_.]*[!p],[!_.]*[!m]p,[!_.]*[!t]mp,[!_.]*[!.]tmp}"
_IN_HIDDEN_FOLDER = "(^|/)[_.][^/]*/"


def stream_of(spark: SparkSession, folder_uri: str) -> DataFrame:
    """Each line of each finished file of a folder, as a stream of (value, file_uri, block)."""
    return (
        spark.readStream.format("text")
        .option("pathGlobFilter", FINISHED_FILES)
        .option("recursiveFileLookup", "true")
        .option("lineSep", "\n")
        # By default a file whose time stamp lies a week behind the newest is dropped without a word.
        .option("maxFileAge", "36500d")
        # A file that vanished after it was listed would fail its batch in every run to come; land() tells of it.
        .option("ignoreMissingFiles", "true")
        .load(folder_uri)
        .select(
            "value",
            F.col("_metadata.file_path").alias("file_uri"),
            F.col("_metadata.file_block_start").alias("block"),
        )
    )


def with_reader_order(lines: DataFrame) -> DataFrame:
    """Add ``seen``, which grows along each block of a file as the reader meets its lines."""
    return lines.withColumn("seen", F.monotonically_increasing_id())


def blocks_of(lines: DataFrame, last_position: int, landing: str) -> DataFrame:
    """One row a block of a file: where its lines begin in the file and in the order of the source.

    A block is what one task reads at one go: a whole file, or a slice of a large one. Blocks of files in folders that
    begin with ``_`` or ``.``, which Spark reads for all that if there is a ``=`` in the name, are left out.

    Args:
        lines: value, file_uri, block, seen.
        last_position: Of the source, until now.
        landing: The path of the landing folder, which file names are relative to.

    Returns:
        file_uri, block, file, first_seen, lines, line_base (lines of the file before it), position_base.
    """
    blocks = lines.groupBy("file_uri", "block").agg(F.min("seen").alias("first_seen"), F.count(F.lit(1)).alias("lines"))
    # url_decode reads "+" as a space, which a path does not mean by it. Spark writes file:/ or file:///, as it likes.
    decoded = F.url_decode(F.replace(F.col("file_uri"), F.lit("+"), F.lit("%2B")))
    file = F.substring(F.regexp_replace(decoded, "^file:/+", "/"), len(landing) + 2, 100_000)
    blocks = blocks.withColumn("file", file).where(~F.regexp_like("file", F.lit(_IN_HIDDEN_FOLDER)))
    before = (Window.unboundedPreceding, -1)
    in_file = Window.partitionBy("file_uri").orderBy("block").rowsBetween(*before)
    in_source = Window.orderBy("file_uri", "block").rowsBetween(*before)
    return blocks.select(
        "*",
        F.coalesce(F.sum("lines").over(in_file), F.lit(0)).alias("line_base"),
        (F.coalesce(F.sum("lines").over(in_source), F.lit(0)) + F.lit(last_position)).alias("position_base"),
    )


def bronze_rows(lines: DataFrame, blocks: DataFrame, source: Source, landed: dict) -> DataFrame:
    """Lines in the shape of a bronze table.

    Args:
        lines: value, file_uri, block, seen.
        blocks: As of :func:`blocks_of`; small.
        source: The source's contract.
        landed: landing, landed_at, run_id.
    """
    offset = F.col("seen") - F.col("first_seen") + 1
    is_text = F.expr("is_valid_utf8(value)")
    # A file that has grown since its lines were counted would give them the numbers of another's.
    counted = lines.join(F.broadcast(blocks), ["file_uri", "block"]).where(offset <= F.col("lines"))
    return counted.select(
        F.expr("make_valid_utf8(value)").alias("payload"),
        F.when(~is_text, F.col("value").cast("binary")).alias("undecoded"),
        "file",
        (F.col("line_base") + offset).cast("int").alias("line"),
        (F.col("position_base") + offset).alias("position"),
        F.lit(landed["landing"]).cast("int").alias("landing"),
        F.lit(landed["landed_at"]).alias("landed_at"),
        F.lit(landed["run_id"]).alias("run_id"),
        F.lit(source.version).alias("contract_version"),
    )

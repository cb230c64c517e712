"""The one Spark session of a process."""

import os
import sys
from pathlib import Path

from py4j.protocol import Py4JError
from pyspark.errors import PySparkException
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from lakehouse import spill
from lakehouse.errors import EnvironmentFault
from lakehouse.jars import class_archive, jar_paths
from lakehouse.masks import HIDDEN, VALUES
from lakehouse.private import make_private, open_private
from lakehouse.settings import Settings

LOCAL_TUNING = {
    # Measured on two cores: the defaults (200 and 50 partitions) cost seconds a query on one machine.
    "spark.sql.shuffle.partitions": "2",
    "spark.databricks.delta.snapshotPartitions": "1",
    # Each relation that is broadcast, however small, and each sort begins with a page. By default a page is a part of
    # the heap, 32 MB here, and a session of many small tables was full of nearly empty ones; a big sort is no slower.
    "spark.buffer.pageSize": "4m",
    "spark.ui.enabled": "false",
    # By default it keeps what a page would show of the last thousand queries, and there is no page.
    "spark.ui.retainedJobs": "20",
    "spark.ui.retainedStages": "20",
    "spark.ui.retainedTasks": "200",
    "spark.sql.ui.retainedExecutions": "20",
    # The checksumming file system cannot name its side file for a landing file with a colon in its name.
    "spark.hadoop.fs.file.impl": "org.apache.hadoop.fs.RawLocalFileSystem",
    "spark.hadoop.fs.AbstractFileSystem.file.impl": "org.apache.hadoop.fs.local.RawLocalFs",
    # A run generates some 200 classes; the default of 100 forgets each before it is needed again.
    "spark.sql.codegen.cache.maxEntries": "4000",
    "spark.sql.codegen.hugeMethodLimit": "8000",
    # What stands twice behind an `and` is computed only where it is reached, not for every row beforehand.
    "spark.sql.subexpressionElimination.skipForShortcutExpr": "true",
    # It would compute every list that is made rows of twice more beforehand, to leave out the empty ones.
    "spark.sql.optimizer.excludedRules": "org.apache.spark.sql.catalyst.optimizer.InferFiltersFromGenerate",
    "spark.ui.showConsoleProgress": "false",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    # A landing folder has many small files; 4 MB apiece, the default, would scatter them over tiny tasks.
    "spark.sql.files.openCostInBytes": "262144",
    "spark.sql.adaptive.coalescePartitions.parallelismFirst": "false",
    "spark.sql.autoBroadcastJoinThreshold": "33554432",
}
SEMANTICS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.session.timeZone": "UTC",
    # Timestamps that every reader of open tables understands, not INT96.
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    # Invariant 10: nothing on our tables that delta-rs, DuckDB or Trino cannot read.
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
    "spark.databricks.delta.properties.defaults.columnMapping.mode": "none",
    "spark.sql.ansi.enabled": "true",
    # A "${env:NAME}" in a contract is text, and no way to the environment of the process (ADR 15).
    "spark.sql.variable.substitute": "false",
}


_VALUES = VALUES.replace("\\", "\\\\")
"""As a properties file writes it."""
_TELLS_VALUES = ("SQLQueryContextLogger", "DataFrameQueryContextLogger")
"""What in PySpark prints the text of every error of a query on stderr, once more, before the error is raised."""


def open_session(settings: Settings) -> SparkSession:
    """Start or join the session that ``settings`` name.

    Raises:
        EnvironmentFault: If Java cannot be started or a cluster does not answer.
    """
    builder = SparkSession.builder.appName("clew")
    if settings.spark_master.startswith("sc://"):
        builder = builder.remote(settings.spark_master)
    else:
        builder = builder.master(settings.spark_master)
    for key, value in SEMANTICS.items():
        builder = builder.config(key, value)
    if settings.spark_master.startswith("local"):
        spill.use(settings.state)
        jars = jar_paths(settings.state)
        local = {
            **LOCAL_TUNING,
            "spark.local.dir": str(spill.folder()),
            # On the class path of the JVM and not by spark.jars: the class archive holds no others.
            "spark.driver.extraClassPath": os.pathsep.join(jars),
            "spark.sql.warehouse.dir": (settings.state / "warehouse").as_uri(),
            "spark.driver.memory": settings.driver_memory,
            "spark.driver.extraJavaOptions": _java_options(settings, class_archive(jars)),
        }
        for key, value in local.items():
            builder = builder.config(key, value)
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        # Else Spark's functions in Python run in the first `python3` of the PATH, whatever that has installed.
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    for name in _TELLS_VALUES:
        PySparkLogger.getLogger(name).disabled = True
    try:
        return builder.getOrCreate()
    except (PySparkException, Py4JError, OSError) as error:
        raise EnvironmentFault(
            f"Spark could not be started ({type(error).__name__}: {error})",
            f"CLEW_SPARK={settings.spark_master}",
            "clew doctor",
        ) from error


def _java_options(settings: Settings, archive: Path) -> str:
    options = [
        f"-Dlog4j2.configurationFile={_quiet_log4j(settings.state)}",
        f"-Dderby.system.home={settings.state}",
        "-XX:+UseParallelGC",
        # Spark may wait for ever for a thread of its own that died of it; a run that ends can be run again.
        "-XX:+ExitOnOutOfMemoryError",
        # A day's run compiles more than the default of 48 or 240 MB holds; once full, the JVM compiles no more.
        "-XX:ReservedCodeCacheSize=512m",
        "-Xlog:cds=off -Xlog:cds+dynamic=off",
    ]
    if archive.is_file():
        options.append(f"-XX:SharedArchiveFile={archive}")
    return " ".join([*options, settings.java_options])


def _quiet_log4j(state: Path) -> str:
    """A log4j2 file that keeps the JVM's warnings out of the terminal and in .clew/logs, without values of people."""
    folder = make_private(make_private(state) / "logs")
    os.close(open_private(folder / "spark.log", os.O_WRONLY))
    path = folder / "log4j2.properties"
    path.write_text(
        "rootLogger.level = warn\n"
        "rootLogger.appenderRef.file.ref = file\n"
        "appender.file.type = File\n"
        "appender.file.name = file\n"
        f"appender.file.fileName = {folder / 'spark.log'}\n"
        "appender.file.layout.type = PatternLayout\n"
        # Left to itself, the layout would write an exception once more, as it is.
        "appender.file.layout.alwaysWriteExceptions = false\n"
        "appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: "
        f"%replace{{%m%n%ex}}{{{_VALUES}}}{{{HIDDEN}}}\n"
        # It prints whole snapshots, with the least and greatest values of columns.
        "logger.delta.name = org.apache.spark.sql.delta.DeltaLog\n"
        "logger.delta.level = error\n",
        encoding="utf-8",
    )
    return path.as_uri()

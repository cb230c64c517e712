"""The session catalog of one machine: its tables are the folders of the lake."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lakehouse.lake import Lake

_ATTACHED = "clew.attached.lake"


def attach(lake: "Lake", tables: Iterable[str]) -> list[str]:
    """Make tables known to Spark SQL by their names; those without a Delta log are left out.

    The catalog lives as long as the session, and a process has one session. So the tables of another lake, attached
    earlier, are detached first: a name must never lead to another lake's folder.

    Returns:
        The names attached, sorted.
    """
    spark = lake.spark
    root = str(lake.settings.lake)
    if spark.conf.get(_ATTACHED, root) != root:
        _detach_all(lake)
    spark.conf.set(_ATTACHED, root)
    there = sorted(name for name in set(tables) if lake.exists(name))
    for schema in sorted({name.split(".")[0] for name in there}):
        spark.sql(f"CREATE SCHEMA IF NOT EXISTS {schema}")
    for name in there:
        location = Path(lake.path(name)).as_uri()
        spark.sql(f"CREATE TABLE IF NOT EXISTS {name} USING DELTA LOCATION '{location}'")
    return there


def _detach_all(lake: "Lake") -> None:
    """Forget every table and view. The schemas stay: dropping one would delete its folder."""
    spark = lake.spark
    for schema in [row.namespace for row in spark.sql("SHOW SCHEMAS").collect()]:
        views = {row.viewName for row in spark.sql(f"SHOW VIEWS IN {schema}").collect()}
        for row in spark.sql(f"SHOW TABLES IN {schema}").collect():
            if not row.isTemporary:
                kind = "VIEW" if row.tableName in views else "TABLE"
                spark.sql(f"DROP {kind} IF EXISTS {schema}.{row.tableName}")

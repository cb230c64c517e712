"""Keeps tables small and quick to read: compacts small files, removes what no kept release needs."""

import datetime
from typing import TYPE_CHECKING

from lakehouse.errors import DataError
from lakehouse.lake import LOG_RETENTION
from lakehouse.releases import latest_release, retired_releases, row_count
from lakehouse.run import Run
from lakehouse.still import alone_with, steps_stand_still

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

KEPT_DAYS = 90
"""A release stays readable for so long after it was published; the latest one for ever."""

READERS_HOURS = 7 * 24
"""Files of versions that no release names stay so long, for readers and writers under way."""


def maintain(lake: "Lake", run: Run) -> dict[str, int]:
    """Compact every table, then remove files that no kept version needs. No row changes, no release breaks."""
    with run.step(lake, "maintain") as step, steps_stand_still(lake):
        kept = kept_versions(lake, datetime.datetime.now(datetime.UTC))
        tables = lake.tables()
        counts = {"tables": len(tables), "files_compacted": 0, "files_removed": 0}
        for place, name in enumerate(tables, start=1):
            with alone_with(lake, name):
                table = lake.delta(name)
                rows = row_count(table)
                _keep_log(table)
                counts["files_compacted"] += int(table.optimize.compact()["numFilesRemoved"])
                counts["files_removed"] += len(
                    table.vacuum(
                        READERS_HOURS,
                        dry_run=False,
                        enforce_retention_duration=False,  # READERS_HOURS is the one place that says how long
                        keep_versions=sorted(kept.get(name, ())),
                    )
                )
                if (after := row_count(lake.delta(name))) != rows:
                    raise DataError(
                        f"{name} had {rows} rows before compaction and has {after} after it",
                        lake.path(name),
                        "read the release before, and rebuild the table: clew run",
                    )
            step.say(name, place, len(tables))
        step.rows = counts["files_compacted"]
        step.message = f"{counts['files_compacted']} files compacted, {counts['files_removed']} removed"
        return counts


def kept_versions(lake: "Lake", now: datetime.datetime) -> dict[str, set[int]]:
    """For each table, the versions that a release still kept names: those of 90 days, and the latest release."""
    if not lake.exists("ops.releases"):
        return {}
    rows = lake.arrow("ops.releases").to_pylist()
    latest = latest_release(lake)
    since = now - datetime.timedelta(days=KEPT_DAYS)
    gone = retired_releases(lake)
    kept: dict[str, set[int]] = {}
    for row in rows:
        if row["release"] in gone:
            continue
        if row["release"] == latest or row["published_at"] >= since:
            kept.setdefault(row["table_name"], set()).add(row["version"])
    return kept


def _keep_log(table: "DeltaTable") -> None:
    """Have the table keep its log as long as its releases, if it does not already."""
    name = "delta.logRetentionDuration"
    if table.metadata().configuration.get(name) != LOG_RETENTION:
        table.alter.set_table_properties({name: LOG_RETENTION})

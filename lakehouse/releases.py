"""Releases: the sets of table versions that passed every gate together. Readers see nothing else."""

import datetime
from typing import TYPE_CHECKING

from lakehouse.errors import UsageError
from lakehouse.run import Run

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

RELEASED_SCHEMAS = ("silver", "identity", "gold")


def publish_release(lake: "Lake", run: Run) -> dict[str, int]:
    """Publish the live versions of all silver, identity and gold tables as the next release.

    One append to ops.releases makes it visible, so there is no moment with half a release. A run that has published
    already is left as it is.
    """
    with run.step(lake, "release") as step, lake.lock("release"):
        known = _rows(lake)
        mine = [row["release"] for row in known if row["run_id"] == run.run_id]
        if mine:
            step.message = f"release {mine[0]} was published before"
            return {"release": mine[0]}
        release = 1 + max((row["release"] for row in known), default=0)
        published_at = datetime.datetime.now(datetime.UTC)
        rows = []
        for table in lake.tables():
            if table.split(".")[0] in RELEASED_SCHEMAS:
                delta = lake.delta(table)
                rows.append(
                    {
                        "release": release,
                        "run_id": run.run_id,
                        "as_of": run.as_of,
                        "published_at": published_at,
                        "table_name": table,
                        "version": delta.version(),
                        "rows": row_count(delta),
                    }
                )
        lake.append("ops.releases", rows)
        step.rows, step.message = len(rows), f"release {release}"
        return {"release": release, "tables": len(rows)}


def latest_release(lake: "Lake") -> int | None:
    """The newest release, or None before the first."""
    return max((row["release"] for row in _rows(lake)), default=None)


def release_tables(lake: "Lake", release: int) -> dict[str, int]:
    """The Delta version of each table in a release.

    Raises:
        UsageError: If there is no such release.
    """
    rows = _rows(lake)
    tables = {row["table_name"]: row["version"] for row in rows if row["release"] == release}
    if not tables:
        have = sorted({row["release"] for row in rows})
        raise UsageError(
            f"there is no release {release}",
            "ops.releases",
            f"use one of: {', '.join(map(str, have))}" if have else "publish one first: clew run",
        )
    return tables


def row_count(delta: "DeltaTable") -> int:
    """Rows of a table, from the statistics in its log."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return int(pc.sum(pa.table(delta.get_add_actions(flatten=True))["num_records"]).as_py() or 0)


def _rows(lake: "Lake") -> list[dict]:
    if not lake.exists("ops.releases"):
        return []
    return lake.arrow("ops.releases").to_pylist()

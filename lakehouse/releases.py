"""Releases: the sets of table versions that passed every gate together. Readers see nothing else."""

import datetime
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lakehouse import audit
from lakehouse.commits import has_the_rows_of
from lakehouse.declared import declared_acts
from lakehouse.erasing import refuse_half_erased
from lakehouse.errors import DataError, UsageError
from lakehouse.run import Run

if TYPE_CHECKING:
    from deltalake import DeltaTable

    from lakehouse.lake import Lake

RELEASED_SCHEMAS = ("silver", "identity", "gold")
_COLUMNS = ("release", "run_id", "as_of", "table_name", "version", "rows")
RETIRED = "ops.retired_releases"
WRITTEN_BY_PEOPLE = ("identity.decisions",)
"""Tables to which people add at any time: a release holds them as their gate saw them, whatever came since."""


def publish_release(lake: "Lake", run: Run) -> dict[str, int]:
    """Publish the versions of all silver, identity and gold tables that this run's gates read, as the next release.

    One append to ops.releases makes it visible, so there is no moment with half a release. A run that published
    these very versions before publishes nothing.

    Raises:
        DataError: If a table is not what its gate read: it never passed, or its rows changed afterwards; if the audit
            can take no entry; if an erasure died before its end.
    """
    with run.step(lake, "release") as step, lake.lock("release"):
        audit.ready(lake)
        refuse_half_erased(lake)
        known = _rows(lake)
        live = {name: lake.version(name) for name in lake.tables() if name.split(".")[0] in RELEASED_SCHEMAS}
        passed = _passed(lake, run)
        live |= {name: passed[name] for name in WRITTEN_BY_PEOPLE if name in live and name in passed}
        _hold_to_gates(lake, run, live, passed)
        release = max((row["release"] for row in known), default=0)
        newest = {row["table_name"]: row["version"] for row in known if row["release"] == release}
        if newest == live and run.run_id in {row["run_id"] for row in known if row["release"] == release}:
            step.message = f"release {release} was published before"
            # The process may have died before it was written down.
            audit.note(lake, declared_acts(lake), late=release_acts(lake))
            return {"release": release}
        release += 1
        published_at = datetime.datetime.now(datetime.UTC)
        rows = [
            {
                "release": release,
                "run_id": run.run_id,
                "as_of": run.as_of,
                "published_at": published_at,
                "table_name": table,
                "version": version,
                "rows": row_count(lake.delta(table, version)),
            }
            for table, version in live.items()
        ]
        lake.append("ops.releases", rows)
        *earlier, made = release_acts(lake)
        audit.note(lake, [*declared_acts(lake), made], late=earlier)
        step.rows, step.message = len(rows), f"release {release}"
        if (latest := latest_release(lake)) != release:
            step.message += f"; the latest is still release {latest}, of a later date"
        return {"release": release, "tables": len(rows)}


def gone_on(lake: "Lake") -> dict[str, int]:
    """Tables whose live rows are no longer those of the latest release, each with the version that the release shows.

    Raises:
        UsageError: If there is no release.
    """
    versions = release_tables(lake, latest_release(lake) or 0)
    return {
        table: at
        for table, at in versions.items()
        if table not in WRITTEN_BY_PEOPLE and not has_the_rows_of(lake, table, at)
    }


def release_again(lake: "Lake", run_id: str, besides: Mapping[str, int]) -> int:
    """Publish a successor of the latest release, for the same date, after an erasure.

    Rows were removed since and nothing else was done, so what passed the gates then is still let pass. A second call
    for the same run publishes nothing. The caller holds the lock ``release``.

    Args:
        lake: The lake.
        run_id: Whose release it is.
        besides: The version of each table that has other live rows by now; of all others the live one is published.

    Returns:
        The number of the release.
    """
    known = _rows(lake)
    own = [row["release"] for row in known if row["run_id"] == run_id]
    if own:
        audit.note(lake, release_acts(lake))
        return own[0]
    before = latest_release(lake)
    of_before = [row for row in known if row["release"] == before]
    made = {
        "release": max(row["release"] for row in known) + 1,
        "run_id": run_id,
        "as_of": of_before[0]["as_of"],
        "published_at": datetime.datetime.now(datetime.UTC),
    }
    tables = {row["table_name"]: lake.version(row["table_name"]) for row in of_before} | dict(besides)
    lake.append(
        "ops.releases",
        [
            made | {"table_name": table, "version": version, "rows": row_count(lake.delta(table, version))}
            for table, version in tables.items()
        ],
    )
    audit.note(lake, release_acts(lake))
    return int(made["release"])


def retire_releases(lake: "Lake", erasure: int, besides: int | None) -> list[int]:
    """Write down that all releases but one can be read no more.

    Returns:
        The releases that could be read until now.
    """
    gone = retired_releases(lake)
    found = sorted({row["release"] for row in _rows(lake)} - gone.keys() - {besides})
    at = datetime.datetime.now(datetime.UTC)
    if found:
        lake.append(RETIRED, [{"release": release, "erasure": erasure, "at": at} for release in found])
    return found


def retired_releases(lake: "Lake") -> dict[int, int]:
    """The releases that can be read no more, each with the erasure that retired it."""
    if not lake.exists(RETIRED):
        return {}
    with lake.quick(RETIRED) as connection:
        return dict(connection.execute(f"SELECT release, erasure FROM {RETIRED}").fetchall())


def gone_release(release: int, erasure: int, latest: int | None) -> UsageError:
    """Why a retired release cannot be read."""
    return UsageError(
        f"release {release} was retired: its files held somebody who was erased (erasure {erasure})",
        RETIRED,
        f"read the one that took its place: release {latest}" if latest else "publish a new one: clew run",
    )


def release_acts(lake: "Lake") -> list[audit.Act]:
    """Every release as an act for the audit: its date and the version of each table."""
    by_release: dict[int, list[dict]] = {}
    for row in _rows(lake):
        by_release.setdefault(row["release"], []).append(row)
    return [
        audit.Act(
            "release",
            f"release {release}",
            f"as of {rows[0]['as_of']}, {len(rows)} tables",
            audit.fingerprint(
                {row["table_name"]: (row["version"], row["rows"]) for row in rows} | {"as_of": rows[0]["as_of"]}
            ),
            former=audit.fingerprint({row["table_name"]: row["version"] for row in rows} | {"as_of": rows[0]["as_of"]}),
        )
        for release, rows in sorted(by_release.items())
    ]


def note_gated(lake: "Lake", run: Run, gate: str, versions: dict[str, int]) -> None:
    """Keep which versions a gate has let pass. A gate answers for the tables of its own schema."""
    at = datetime.datetime.now(datetime.UTC)
    lake.append(
        "ops.gated_versions",
        [
            {"run_id": run.run_id, "gate": gate, "table_name": table, "version": version, "at": at}
            for table, version in sorted(versions.items())
            if table.split(".")[0] == gate
        ],
    )


def _passed(lake: "Lake", run: Run) -> dict[str, int]:
    """The versions that this run's gates let pass last."""
    noted = [row for row in lake.arrow("ops.gated_versions").to_pylist() if row["run_id"] == run.run_id]
    return {row["table_name"]: row["version"] for row in sorted(noted, key=lambda row: row["at"])}


def _hold_to_gates(lake: "Lake", run: Run, live: dict[str, int], passed: dict[str, int]) -> None:
    for table, version in live.items():
        gate = table.split(".")[0]
        if table not in passed:
            raise DataError(
                f"{table} has passed no gate in this run", run.run_id, f"run it again from gate_{gate} on: clew run"
            )
        if version != passed[table] and not has_the_rows_of(lake, table, passed[table]):
            raise DataError(
                f"{table} changed between its gate (version {passed[table]}) and the release (version {version})",
                run.run_id,
                f"a requeue, perhaps, came between: clear the task gate_{gate} and those after it, or: clew run",
            )


def latest_release(lake: "Lake") -> int | None:
    """The latest release that can be read, or None before the first."""
    gone = retired_releases(lake)
    return latest_of((row["as_of"], row["release"]) for row in _rows(lake) if row["release"] not in gone)


def release_dates(lake: "Lake") -> dict[int, datetime.date]:
    """The date that each release stands for."""
    return {row["release"]: row["as_of"] for row in _rows(lake)}


def latest_of(published: Iterable[tuple[datetime.date, int]]) -> int | None:
    """Of releases, given as date and number, that of the latest date; of several of that date the one published last.

    A past day that is run again gets the highest number, but readers and exports stay with the latest date.
    """
    latest = max(published, default=None)
    return None if latest is None else latest[1]


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
    gone = retired_releases(lake)
    if release in gone:
        raise gone_release(release, gone[release], latest_release(lake))
    return tables


def row_count(delta: "DeltaTable") -> int:
    """Rows of a table, from the statistics in its log."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return int(pc.sum(pa.table(delta.get_add_actions(flatten=True))["num_records"]).as_py() or 0)


def _rows(lake: "Lake") -> list[dict]:
    if not lake.exists("ops.releases"):
        return []
    with lake.quick("ops.releases") as connection:  # to read it with delta-rs would import pandas, for a second
        found = connection.sql("FROM ops.releases").select(*_COLUMNS).fetchall()
    return [dict(zip(_COLUMNS, row, strict=True)) for row in found]

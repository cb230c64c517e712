"""The workspace a command works in, and a release of its lake to read from."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse.duck import connect, mentioned_in, tables_in
from lakehouse.errors import UsageError
from lakehouse.releases import RETIRED, gone_release, latest_of

if TYPE_CHECKING:
    import duckdb

    from clew.role import Reader
    from lakehouse.lake import Lake
    from lakehouse.places import Places
    from lakehouse.settings import Settings


def settings() -> "Settings":
    """Settings from the environment."""
    from lakehouse.settings import Settings

    return Settings()


def lake_for(*tables: str) -> "Lake":
    """The lake, for somebody who may read these tables.

    Raises:
        UsageError: If there is no table in it yet, or the role or the files do not let this user read one of those.
    """
    from clew.role import reader
    from lakehouse.lake import Lake

    existing_lake()
    who = reader(settings())
    for table in tables:
        if refusal := who.refusal(table):
            raise refusal
    return Lake(settings())


def existing_lake() -> "Places":
    """The folders of the lake.

    Raises:
        UsageError: If there is no table in it yet.
    """
    lake = settings().places
    if not tables_in(lake):
        raise UsageError(
            "there is no lake here yet",
            str(lake.open),
            "make one: clew demo; or set CLEW_HOME to the folder of a workspace that has one",
        )
    return lake


@dataclass(frozen=True)
class Reading:
    """What a reading command reads: a connection on a release, or on the live tables.

    Attributes:
        connection: Views of the tables asked for.
        release: Number of the release, None for the live tables.
        as_of: The date the release stands for.
        tables: Every table that can be read this way.
        reader: As whom.
        live_only: Tables that are in the lake, but not in the release.
        opened: Those that can be read on the connection.
    """

    connection: "duckdb.DuckDBPyConnection"
    release: int | None
    as_of: datetime.date | None
    tables: tuple[str, ...]
    live_only: tuple[str, ...]
    reader: "Reader"
    opened: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return release_name(self.release, self.as_of)

    def rows(self, sql: str, parameters: Iterable[Any] = ()) -> list[dict[str, Any]]:
        """The rows of a query of ours, as dicts."""
        cursor = self.connection.execute(sql, list(parameters))
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def release_name(number: int | None, as_of: datetime.date | None) -> str:
    """What was read, in words; None is the live tables."""
    return "live" if number is None else f"release {number} (as of {as_of})"


def read(
    release: str, *, sql: str = "", only: Iterable[str] = (), jailed: bool = False, role: str | None = None
) -> Reading:
    """Open a release of this workspace's lake for reading.

    Args:
        release: A number, "latest" or "live". Before the first release, latest is live.
        sql: Tables this SQL mentions are made views ...
        only: ... and these.
        jailed: The connection serves SQL that someone typed.
        role: As whom; else by ``CLEW_ROLE``, else by what the files allow.

    Raises:
        UsageError: If there is no lake, no such release, or ``only`` names a table that the role may not read.
    """
    from clew.role import reader

    only = tuple(only)
    lake, who = existing_lake(), reader(settings(), role)
    every = who.readable(tables_in(lake))
    for table in only:
        if table not in every and (refusal := who.refusal(table)):
            raise refusal
    number, as_of, versions = find_release(lake, release)
    readable = [t for t in every if versions is None or t in versions or t.startswith("ops.")]
    wanted = {*only, *mentioned_in(sql, readable)}
    connection = connect(lake, versions, only=wanted, jailed=jailed)
    live_only = tuple(sorted(set(every) - set(readable)))
    return Reading(connection, number, as_of, tuple(readable), live_only, who, tuple(sorted(wanted)))


def find_release(lake: "Places", wanted: str) -> tuple[int | None, datetime.date | None, dict[str, int] | None]:
    """Number, date and table versions of a release, given as for `read`; all None for the live tables."""
    if wanted == "live":
        return None, None, None
    if wanted != "latest" and not wanted.isdecimal():
        raise UsageError(f"{wanted!r} is no release", do="write a number, latest or live, as in --release latest")
    published = _published(lake)
    numbers = sorted({number for number, *_ in published})
    if wanted == "latest" and not numbers:
        return None, None, None
    gone = _retired(lake)
    latest = latest_of({(as_of, number) for number, as_of, *_ in published if number not in gone})
    number = latest if wanted == "latest" else int(wanted)
    if number is None:
        raise UsageError(
            "every release was retired by an erasure, and none was published since",
            "ops.retired_releases",
            "publish one: clew run; or read --release live",
        )
    if number in gone:
        raise gone_release(number, gone[number], latest)
    if number not in numbers:
        have = ", ".join(map(str, numbers))
        raise UsageError(
            f"there is no release {number}",
            "ops.releases",
            f"use one of: {have}, or live" if numbers else "publish one: clew run; or read --release live",
        )
    rows = [row for row in published if row[0] == number]
    return number, rows[0][1], {table: version for _, _, table, version in rows}


def newest_date() -> datetime.date:
    """The date of the newest run, to which what is in the lake belongs; today where none has run."""
    last = read("live", only=["ops.runs"]).rows("SELECT max(as_of) AS as_of FROM ops.runs")[0]["as_of"]
    return last or datetime.datetime.now(datetime.UTC).date()


def _retired(lake: "Places") -> dict[int, int]:
    if RETIRED not in tables_in(lake):
        return {}
    return dict(connect(lake, only=[RETIRED]).execute(f"SELECT release, erasure FROM {RETIRED}").fetchall())


def _published(lake: "Places") -> list[tuple[int, datetime.date, str, int]]:
    if "ops.releases" not in tables_in(lake):
        return []
    ledger = connect(lake, only=["ops.releases"])
    return ledger.execute('SELECT release, as_of, table_name, "version" FROM ops.releases').fetchall()

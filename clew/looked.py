"""That somebody looked at personal values: an entry of the audit, written before any is shown.

It names tables and, by a keyed hash, the person; never a value, and so no SQL. It stays when the person is erased.
"""

import os
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from clew.output import note

if TYPE_CHECKING:
    from clew.workspace import Reading
    from lakehouse.lake import Lake

_SHOWS_NO_ROW = re.compile(r"\s*(describe|desc|show)\b", re.IGNORECASE)
_READS_BY_FUNCTION = re.compile(r"\b(query\w*|read_\w+|parquet_\w+|\w+_scan|scan_\w+|sniff_\w+|glob)\b", re.IGNORECASE)
"""Functions that read what no FROM names."""


def write_down(lake: "Lake", detail: str, profile_id: str | None = None) -> None:
    """Write down an access.

    Args:
        lake: The lake.
        detail: What was looked at, by names of commands and tables.
        profile_id: Whose values, if they are one person's: their own report lists it.

    Raises:
        DataError: If the newest entries of the audit were removed.
    """
    from clew.held.collect import person_fingerprint
    from lakehouse import audit

    mark = audit.fingerprint({"detail": detail}) if profile_id is None else person_fingerprint(lake, profile_id)
    audit.note_numbered(lake, audit.Act("access", "", detail, mark))


def write_down_if_able(detail: str, profiles: Iterable[str] = ()) -> None:
    """The same for commands that also serve accounts which may read the lake and not write it: those are told so.

    Args:
        detail: See ``write_down``.
        profiles: Whose values: an entry for each; one without a person where there is none.

    Raises:
        DataError: If the newest entries of the audit were removed.
    """
    from clew.workspace import settings
    from lakehouse.lake import Lake

    lake = Lake(settings())
    if not may_write(lake):
        note("this access is not in the audit, which your account may not write")
        return
    people = sorted(set(profiles))
    for profile_id in people:
        write_down(lake, detail, profile_id)
    if not people:
        write_down(lake, detail)


def may_write(lake: "Lake") -> bool:
    """Whether this account may write the audit and what lies beside it."""
    from lakehouse.audit import TABLE

    places = lake.settings.places
    folders = (lake.settings.state, places.found(TABLE) or places.open)
    return all(os.access(_there(folder), os.W_OK | os.X_OK) for folder in folders)


def restricted_in(reading: "Reading", sql: str) -> list[str]:
    """The restricted tables that a query reads, of those that were opened for it; in doubt, those that it mentions.

    It costs nothing but a look at the folders where no restricted table is mentioned.
    """
    from clew.workspace import settings

    places = settings().places
    folders = {table: places.found(table) for table in reading.opened}
    closed = [table for table, folder in folders.items() if folder is not None and places.is_restricted(folder)]
    if not closed or _SHOWS_NO_ROW.match(sql):
        return []
    if _READS_BY_FUNCTION.search(sql):
        return closed
    names = _names_in(sql)
    return closed if names is None else [table for table in closed if _is_among(table, names)]


def _names_in(sql: str) -> list[set[str]] | None:
    """The words of each name that a FROM has and no WITH defines; None where DuckDB cannot tell."""
    import duckdb

    with duckdb.connect() as nothing:  # an empty database: where the tables are views, they are left out
        try:
            found = nothing.get_table_names(sql, qualified=True)
        except duckdb.Error:
            return None
    return [set(re.findall(r"\w+", name.lower())) for name in found]


def _is_among(table: str, names: list[set[str]]) -> bool:
    return any(words.issuperset(table.split(".")) for words in names)


def _there(folder: os.PathLike[str]) -> os.PathLike[str]:
    """The folder, or the first above it that exists."""
    from pathlib import Path

    path = Path(folder).absolute()
    return next(place for place in (path, *path.parents) if place.exists())

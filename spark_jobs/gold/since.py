"""What changed since gold.events was last written: each of its commits notes the versions of the tables it was made of.

Where a note, a version or a file is there no more, nothing is told, and the caller compares everything.
"""

from typing import TYPE_CHECKING, Any

from lakehouse import spill
from lakehouse.commits import note_of
from lakehouse.duck import changed_column, select_of
from lakehouse.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

    from lakehouse.lake import Lake

EVENTS, SILVER = "gold.events", "silver.events"
LINKS = {
    "identity.assignments": ("record_id", "profile_id", "kind", "probability"),
    "identity.stitches": ("record_id", "since", "until", "account_record", "kind", "probability"),
}
"""What says whose an event is: the columns that it is said by."""


def note(lake: "Lake") -> dict[str, Any]:
    """The tables as they are now. One that was made anew counts its versions from the start, and is another table."""
    made_of = {}
    for table in (SILVER, *LINKS):
        delta = lake.delta(table)
        made_of[table] = [delta.metadata().id, delta.version()]
    return made_of


def suspects(lake: "Lake") -> list[int] | None:
    """The landings in which gold may differ from silver, sorted; None where nothing tells."""
    version = _then(lake, SILVER)
    if version is None:
        return None
    try:
        changed = changed_column(lake.settings.places, SILVER, version, "landing")
    except DataError:  # the version is kept no more
        return None
    return sorted(int(landing) for landing in changed["landing"].to_pylist())


def reassigned(lake: "Lake") -> "pa.Table | None":
    """record_id of the records whose events may have changed hands; None where nothing tells."""
    import duckdb

    places = lake.settings.places
    then = {table: _then(lake, table) for table in LINKS}
    if None in then.values():
        return None
    try:
        with duckdb.connect(config=spill.duck()) as connection:
            for table, columns in LINKS.items():
                said = ", ".join(f'"{column}"' for column in columns)
                for name, version in (("was", then[table]), ("now", None)):
                    view = f"{table.partition('.')[2]}_{name}"
                    connection.execute(
                        f"CREATE VIEW {view} AS SELECT {said} FROM ({select_of(places, table, version)})"
                    )
            return connection.sql(_REASSIGNED).to_arrow_table()
    except (DataError, duckdb.IOException):  # a version is kept no more
        return None


_REASSIGNED = """
    WITH assigned AS (
        SELECT record_id FROM (FROM assignments_was EXCEPT FROM assignments_now)
        UNION SELECT record_id FROM (FROM assignments_now EXCEPT FROM assignments_was)),
    stitched AS (FROM stitches_was UNION FROM stitches_now)
    SELECT record_id FROM assigned
    UNION SELECT record_id FROM stitched WHERE account_record IN (SELECT record_id FROM assigned)
    UNION SELECT record_id FROM (FROM stitches_was EXCEPT FROM stitches_now)
    UNION SELECT record_id FROM (FROM stitches_now EXCEPT FROM stitches_was)"""
"""The records that are assigned otherwise, those of which a spell is such an account's, those with other spells."""


def _then(lake: "Lake", table: str) -> int | None:
    """The version of a table that gold was last made of."""
    told = (note_of(lake, EVENTS) or {}).get(table)
    if not isinstance(told, list) or told[0] != lake.delta(table).metadata().id:
        return None
    return int(told[1])

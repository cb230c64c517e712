"""Retention: what is older than its declared period goes, counted back from the date that the lake stands for.

A message is as old as its event; what a record says of itself (identify) as its last repeat, so a row of today's
snapshot is of today; one that was refused, or repeats another, as the run that landed it. The period of a source's
messages is the one that its contract declares, else that of silver.events, or that of what they are for, if that is
shorter (contracts.period); a refused message goes after the period of silver.quarantine, if that is shorter. What
consent needs stays longer (``needed``).
In bronze and in landing/ tombstones take the place of messages, so that every line keeps its number and the account
balances: they count as erased.

Idempotence key: the messages themselves; those that are gone are not found again, and one that was buried before a
death is found in silver, from whose events it goes last, and buried again, which changes nothing. What goes is written
down before it goes; after a death the account is counted anew.
"""

import datetime
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from contracts import period
from lakehouse import audit
from lakehouse.erasing import LOCK, refuse_half_erased
from lakehouse.hold import refuse_between
from lakehouse.still import steps_stand_still
from lakehouse.tombstones import ERASURES, tombstone
from spark_jobs.privacy import old_rows
from spark_jobs.privacy.bury import bury
from spark_jobs.privacy.holds import Hold, held_profiles, holds
from spark_jobs.privacy.needed import show_needed
from spark_jobs.privacy.old_rows import OldRows
from spark_jobs.privacy.rows import delete_by, remove_rows
from spark_jobs.privacy.whose import Theirs, find, graves, opened
from spark_jobs.silver.recount import recount

if TYPE_CHECKING:
    import duckdb

    from lakehouse.lake import Lake
    from lakehouse.run import Run

TABLE = "ops.retained"
QUARANTINE, CONSENTS = "silver.quarantine", "silver.consents"
AUTHOR = "clew_maintenance"
EXPORTS = "exports/"
"""What the account calls folders of exports begins so; the destination follows."""


@dataclass(frozen=True)
class Past:
    """What of one table is past a period.

    Attributes:
        table: The table, or ``exports/<destination>``.
        source: The source whose period it is; empty where it is the table's own.
        days: The period.
        removed: Rows that go, of bronze messages, of exports folders.
        held: Those that stay because of a hold.
        kept: Messages that stay because consent needs them.
    """

    table: str
    source: str
    days: int
    removed: int
    held: int
    kept: int = 0


@dataclass(frozen=True)
class Retained:
    """What is past its period.

    Attributes:
        past: By table and period; nothing where nothing is.
        unknown: Folders that were handed over and of which no age can be told, as the audit calls them. They stay.
        as_of: The date from which periods were counted back.
    """

    past: tuple[Past, ...]
    unknown: tuple[str, ...] = ()
    as_of: datetime.date | None = None

    def removed(self) -> dict[str, int]:
        """What goes, by table."""
        counts: dict[str, int] = {}
        for one in self.past:
            counts[one.table] = counts.get(one.table, 0) + one.removed
        return {table: count for table, count in sorted(counts.items()) if count}


Exports = Callable[["Lake", datetime.date, Collection[str], bool], Retained]
"""Removes exports past their period, from a date, but those that have one of these profiles; or, last, only counts."""
Together = Callable[["Lake", Collection[str], datetime.date], Collection[frozenset[str]]]
"""The people behind some profiles, each with all of theirs, also where they refused that their records are put
together."""


@dataclass(frozen=True)
class _Due:
    """What is past its period, and whose it is; nothing is changed yet."""

    found: Retained
    as_of: datetime.date
    kept: Collection[str]
    theirs: Theirs
    old: list[OldRows]


def preview(lake: "Lake", as_of: datetime.date, *, exports: Exports, together: Together) -> Retained:
    """What ``retain`` would remove; nothing is changed or written down.

    Args:
        lake: The lake.
        as_of: As the date of the run of ``retain``.
        exports: As of ``retain``.
        together: Likewise.
    """
    return _due(lake, as_of, exports, together).found


def retain(lake: "Lake", run: "Run", *, exports: Exports, together: Together) -> Retained:
    """Remove what is past its period.

    Args:
        lake: The lake.
        run: The run; periods are counted back from its date, or from that of the newest run that landed a line, if that
            is earlier: data of a lake that stands still do not grow old, however often it is looked for more.
        exports: What to do about the exports that are still held.
        together: Tells who is held, whatever profiles they have.

    Returns:
        What was removed.

    Raises:
        DataError: If an erasure died before its end.
        EnvironmentFault: If a run is between its conform and its release.
    """
    with run.step(lake, "retain") as step, lake.lock(LOCK), steps_stand_still(lake):
        lake.ensure_tables()
        audit.ready(lake)
        refuse_half_erased(lake)
        refuse_between(lake)
        due = _due(lake, run.as_of, exports, together)
        if due.found.past:
            _account(lake, run, due.as_of, due.found)  # before the first row goes: what is gone is not found again
        exports(lake, due.as_of, due.kept, False)
        if due.theirs.lines:
            _remove(lake, due.theirs, due.as_of)
        elif _died_before(lake):  # after its last row had gone, maybe, and before they were counted as erased
            lake.overwrite("ops.row_counts", recount(lake))
        for rows in due.old:
            with lake.quick(rows.table) as connection:
                delete_by(lake, connection, rows.table, [(rows.on, rows.keys)])
        step.rows = sum(one.removed for one in due.found.past)
        step.message = _told(due.as_of, due.found)
        return due.found


def _due(lake: "Lake", day: datetime.date, exports: Exports, together: Together) -> _Due:
    as_of = min(day, _newest_date(lake, day))
    standing = [item for item in holds(lake) if item.stands(as_of)]
    held = held_profiles(lake, standing)
    held = held.union(*together(lake, held, as_of)) if held else held
    kept = find(lake, held, with_shared_mailboxes=True) if held else None
    past: list[Past] = []
    theirs = _expired(lake, as_of, standing, kept, past)
    old = old_rows.find(lake, as_of, held)
    past += [Past(one.table, "", one.days, one.rows, 0) for one in old if one.rows]
    ids = held.union(kept.profiles if kept else ())
    handed = exports(lake, as_of, ids, True)
    return _Due(Retained((*past, *handed.past), handed.unknown, as_of), as_of, ids, theirs, old)


def periods(lake: "Lake") -> dict[str, int]:
    """Days for which messages of each source are kept; a source without a period keeps them for ever."""
    declared = {name: period.of_source(lake.contracts, name) for name in sorted(lake.contracts.sources)}
    return {name: days for name, days in declared.items() if days is not None}


def _account(lake: "Lake", run: "Run", as_of: datetime.date, found: Retained) -> None:
    """Write down what goes. A run that died and is run again finds the rest only, and has it written down already."""
    known = lake.arrow(TABLE, columns=["run_id", "table_name", "source"]).to_pylist()
    written = {(row["table_name"], row["source"]) for row in known if row["run_id"] == run.run_id}
    at = datetime.datetime.now(datetime.UTC)
    of_all = {"run_id": run.run_id, "as_of": as_of, "at": at}
    lake.append(
        TABLE,
        [
            {name: value for name, value in asdict(one).items() if name != "table"} | {"table_name": one.table} | of_all
            for one in found.past
            if (one.table, one.source) not in written
        ],
    )
    told = found.removed()
    if not told:
        return
    folders = sum(count for table, count in told.items() if table.startswith(EXPORTS))
    rows, tables = sum(told.values()) - folders, sum(not table.startswith(EXPORTS) for table in told)
    detail = f"{rows} rows of {tables} tables, back from {as_of}"
    if folders:
        detail = f"{rows} rows of {tables} tables and {folders} folders of exports, back from {as_of}"
    audit.note(lake, [audit.Act("retain", f"retention {run.run_id}", detail, audit.fingerprint({"removed": detail}))])


def _told(as_of: datetime.date, found: Retained) -> str:
    told = [f"periods counted back from {as_of}"]
    if held := sum(one.held for one in found.past):
        told.append(f"{held:,} stay, held")
    if kept := sum(one.kept for one in found.past):
        told.append(f"{kept:,} stay, needed for consent")
    if found.unknown:
        told.append(f"no age can be told of {', '.join(found.unknown)}, which stay: clew export verify")
    return "; ".join(told)


def _newest_date(lake: "Lake", otherwise: datetime.date) -> datetime.date:
    with lake.quick("ops.runs") as connection:
        (newest,) = connection.execute(
            """SELECT coalesce(max(as_of) FILTER (state = 'done' AND rows > 0), max(as_of))
               FROM ops.runs WHERE step = 'land'"""
        ).fetchall()[0]
    return newest or otherwise


def _expired(lake: "Lake", as_of: datetime.date, standing: list[Hold], kept: Theirs | None, past: list[Past]) -> Theirs:
    """The messages that are past their period and not held, as what an erasure would take."""
    bronze = [name for name in sorted(lake.contracts.sources) if lake.exists(f"bronze.{name}")]
    sources = [lake.contracts.sources[name] for name in bronze]
    kept_sources = {item.source for item in standing if item.source is not None}
    days = periods(lake)
    refused = period.of_table(lake.contracts, QUARANTINE)
    with opened(lake, bronze) as connection:
        _show_old(connection, lake, as_of, days)
        show_needed(connection, sources, as_of, period.of_table(lake.contracts, CONSENTS))
        _show_past(connection, as_of, refused, kept_sources, kept)
        connection.execute("""
            CREATE TEMP TABLE their_messages AS SELECT source, position, part FROM past WHERE fate = 'goes'""")
        counted = connection.execute("""
            SELECT source, count(*) FILTER (fate = 'goes'), count(*) FILTER (fate = 'held'),
                   count(*) FILTER (fate = 'kept') FROM past GROUP BY ALL ORDER BY ALL""").fetchall()
        for source, *counts in counted:
            past.append(Past(f"bronze.{source}", source, days.get(source, refused or 0), *counts))
        event_ids = connection.execute("SELECT event_id FROM past WHERE fate = 'goes' AND is_first")
        ids = tuple(row[0] for row in event_ids.fetchall())
        records = connection.execute("""
            SELECT DISTINCT record_id FROM silver.events
            SEMI JOIN (FROM past WHERE fate = 'goes' AND is_first) USING (event_id)
            WHERE record_id IS NOT NULL ORDER BY 1""")
        touched = tuple(row[0] for row in records.fetchall())
        return Theirs((), (), touched, ids, graves(connection, sources), (), (), 0)


def _show_old(
    connection: "duckdb.DuckDBPyConnection", lake: "Lake", as_of: datetime.date, days: dict[str, int]
) -> None:
    """Make ``old_events``, those past the period of their source, and ``old_repeats``, those that landed before it."""
    limits = [(source, as_of - datetime.timedelta(days=period)) for source, period in days.items()]
    connection.register(
        "limits",
        pa.table({"source": [row[0] for row in limits], "oldest": pa.array([row[1] for row in limits], pa.date32())}),
    )
    dates = _dates_of_landings(lake)
    connection.register(
        "landed",
        pa.table({"landing": pa.array(list(dates), pa.int32()), "day": pa.array(list(dates.values()), pa.date32())}),
    )
    connection.execute(f"""
        CREATE TEMP TABLE repeats AS
            SELECT d.event_id, d.source, d.position, d.part, landed.day
            FROM silver.duplicates AS d JOIN landed USING (landing);
        CREATE TEMP TABLE old_events AS
            SELECT event_id, e.source, e.position, e.part FROM silver.events AS e LEFT JOIN limits USING (source)
            LEFT JOIN (SELECT event_id, max(day) AS day FROM repeats GROUP BY 1) AS last_repeat USING (event_id)
            WHERE e.occurred_at < {_limit(lake, as_of)}
              AND NOT (e.type = 'identify' AND coalesce(last_repeat.day >= limits.oldest, false));
        CREATE TEMP TABLE old_repeats AS
            SELECT r.* FROM repeats AS r JOIN limits USING (source) WHERE r.day < limits.oldest""")


def _limit(lake: "Lake", as_of: datetime.date) -> str:
    """SQL of the date before which a message is old: by its source's period; a word on consent by its table's, too."""
    days = period.of_table(lake.contracts, CONSENTS)
    if days is None:
        return "limits.oldest"
    oldest = as_of - datetime.timedelta(days=days)
    return f"""CASE WHEN event_id IN (SELECT event_id FROM silver.consents)
               THEN greatest(limits.oldest, DATE '{oldest}') ELSE limits.oldest END"""


def _show_past(
    connection: "duckdb.DuckDBPyConnection",
    as_of: datetime.date,
    refused: int | None,
    kept_sources: set[str],
    kept: Theirs | None,
) -> None:
    """Make ``past``: every message past its period, with whether it goes, is held, or is kept for consent."""
    lines = [(grave.source, grave.position) for grave in kept.lines] if kept else []
    connection.register(
        "held_lines",
        pa.table(
            {
                "source": pa.array([line[0] for line in lines], pa.string()),
                "position": pa.array([line[1] for line in lines], pa.int64()),
            }
        ),
    )
    shortest = as_of - datetime.timedelta(days=refused) if refused is not None else datetime.date.min
    sources = ", ".join(f"'{name}'" for name in sorted(kept_sources)) or "NULL"
    connection.execute(
        f"""CREATE TEMP TABLE past AS
            WITH going AS (FROM old_events ANTI JOIN needed USING (event_id)),
            old AS (
                SELECT event_id, source, position, part, true AS is_first,
                       event_id IN (SELECT event_id FROM needed) AS is_needed FROM old_events
                UNION ALL SELECT d.event_id, d.source, d.position, d.part, false, false FROM silver.duplicates AS d
                    WHERE event_id IN (SELECT event_id FROM going)
                       OR (d.source, d.position, d.part) IN (SELECT (source, position, part) FROM old_repeats)
                UNION ALL SELECT NULL, q.source, q.position, q.part, false, false FROM silver.quarantine AS q
                    JOIN landed USING (landing) LEFT JOIN limits USING (source)
                    WHERE landed.day < greatest(coalesce(limits.oldest, DATE '0001-01-01'), $shortest::DATE))
            SELECT * EXCLUDE (is_needed),
                   CASE WHEN is_needed THEN 'kept'
                        WHEN coalesce(source IN ({sources}), false) OR (source, position) IN (FROM held_lines)
                        THEN 'held' ELSE 'goes' END AS fate
            FROM old""",
        {"shortest": shortest},
    )


def _dates_of_landings(lake: "Lake") -> dict[int, datetime.date]:
    """The date that the run of each landing stood for, or, where ops.runs knows that run no more, its day."""
    of_run = {row["run_id"]: row["as_of"] for row in lake.arrow("ops.runs", columns=["run_id", "as_of"]).to_pylist()}
    landings = lake.arrow("ops.landings", columns=["landing", "run_id", "landed_at"]).to_pylist()
    return {row["landing"]: of_run.get(row["run_id"], row["landed_at"].date()) for row in landings}


def _remove(lake: "Lake", theirs: Theirs, as_of: datetime.date) -> None:
    number = _mark(lake, as_of)
    bury(lake, theirs.lines, tombstone(lake.settings.privacy_key, number))
    remove_rows(lake, theirs)
    lake.overwrite("ops.row_counts", recount(lake))


def _died_before(lake: "Lake") -> bool:
    """Whether the try before this one, which has begun, came to no end."""
    rows = lake.arrow("ops.runs", columns=["step", "state", "at"]).to_pylist()
    states = [row["state"] for row in sorted(rows, key=lambda row: row["at"]) if row["step"] == "retain"]
    return len(states) > 1 and states[-2] != "done"


def _mark(lake: "Lake", as_of: datetime.date) -> int:
    """The number whose tombstones retention of a date leaves, written down before the first of them."""
    reason = f"retention, counted back from {as_of}"
    known = lake.arrow(ERASURES).to_pylist()
    own = [row["erasure"] for row in known if row["reason"] == reason and row["author"] == AUTHOR]
    if own:
        return int(own[0])
    number = max((row["erasure"] for row in known), default=0) + 1
    mark = tombstone(lake.settings.privacy_key, number)
    row = {"erasure": number, "tombstone": mark, "reason": reason, "author": AUTHOR, "people": 0, "decisions": ""}
    lake.append(ERASURES, [row | {"at": datetime.datetime.now(datetime.UTC)}])
    return number

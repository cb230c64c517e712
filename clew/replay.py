"""Replay: every table built again from bronze, beside the live ones, and compared with them.

Silver, identity and gold are a function of bronze, the stewards' decisions, the contracts and the model (invariant 2).
The replay holds the project to that: it builds them by the very steps of a run into a lake of its own, and compares
what the tables say, row by row, through ``lakehouse.content``; and what ops.row_counts says became of every line.

Of identity.history, what is believed now is that function; since when a belief is held is a fact about the runs. So it
is compared whole only where every run is replayed in its order, with its date, its landings and the decisions of its
time (``each_run``).
"""

import datetime
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from identity.history import BELIEVED
from identity.history import TABLE as HISTORY
from lakehouse.content import EVERY_ROW, Content, Difference, content, differences
from lakehouse.errors import UsageError
from lakehouse.lake import Lake
from lakehouse.run import Progress, Run, Silent
from lakehouse.tombstones import ERASURES

REPLAYED = ("silver", "identity", "gold")
ACCOUNTS = "ops.row_counts"
"""What became of every line; a rebuild accounts for them alike, whichever runs did it."""
_ACCOUNTED = ("lines", "headers", "unpacked", "kept", "duplicates", "quarantined", "erased")
_BY_LANDING = (
    f"SELECT landing, source, {', '.join(f'sum({name}) AS {name}' for name in _ACCOUNTED)} FROM {{}} "
    f"GROUP BY landing, source HAVING sum({' + '.join(_ACCOUNTED)}) > 0"
)
_ORDER = ("silver", "ops", "identity", "gold")
"""In which the tables of schemas are made."""
DECISIONS = "identity.decisions"
GIVEN = (DECISIONS,)
"""Tables that people wrote: a replay goes by them."""
CHAIN = ("resolve", "build_events", "build_marts", "measure")
"""The steps that write identity and gold, in their order."""
WRITE_SILVER = ("conform", "requeue")


@dataclass(frozen=True)
class Resolved:
    """A run that worked out who is who: its date, what had landed by then, and when it began."""

    run_id: str
    as_of: datetime.date
    landing: int
    at: datetime.datetime


@dataclass(frozen=True)
class Compared:
    """A table of the lake and of the replay; None where one of the two has it not."""

    table: str
    live: Content | None
    replayed: Content | None

    @property
    def is_equal(self) -> bool:
        return self.live == self.replayed


@dataclass(frozen=True)
class Replay:
    """What came of a replay.

    Attributes:
        landings: How many were replayed.
        tables: All tables compared, in the order in which they are made.
        unlike: Rows that the first differing table does not have alike in both; 0 where all are equal.
        first: The first of these rows.
    """

    landings: int
    tables: tuple[Compared, ...]
    unlike: int
    first: tuple[Difference, ...]

    @property
    def differing(self) -> list[Compared]:
        return [item for item in self.tables if not item.is_equal]


def replay(
    lake: Lake,
    *,
    since: datetime.date | None = None,
    each_run: bool = False,
    with_marts: bool = True,
    keep: bool = False,
    progress: Progress | None = None,
) -> Replay:
    """Rebuild silver, identity and gold from bronze in a lake of its own, and compare them with the live tables.

    Args:
        lake: The lake. Nothing in it is changed.
        since: Only landings of runs of this date and later; silver before them is taken as it is. None is all.
        each_run: Replay run after run, and compare the whole of identity.history.
        with_marts: Whether the marts are built and compared, too, which takes the longest.
        keep: Leave the replayed tables where they are, in ``.clew/replay``.
        progress: Hears each step.

    Raises:
        UsageError: If the tables are not of one finished run, or nothing landed since the date.
    """
    runs, last_as_of = finished_runs(lake, CHAIN if with_marts else CHAIN[:2])
    versions = {table: lake.version(table) for table in _compared(lake, with_marts)}
    first = 1 if since is None else _first_landing(lake, since)
    if runs[-1].landing < first:
        raise UsageError(f"nothing that landed in a run of {since} or later was resolved yet", "", "clew run")
    _ = lake.settings.identity_key, lake.spark  # the session is that of the live workspace
    replayed_runs = [run for run in runs if run.landing >= first] if each_run else runs[-1:]
    history = EVERY_ROW if each_run else f"SELECT * FROM {BELIEVED}"
    with _workshop(lake, keep) as target:
        _lay_base(lake, target, first, replayed_runs[0], each_run)
        for run in replayed_runs:
            _rebuild_people(lake, target, run, progress or Silent())
        this = Run("replay", last_as_of, progress or Silent())
        _rebuild_gold(target, this, with_marts)
        if with_marts:
            _measure(lake, target, this, None if each_run else versions[HISTORY])
        _rebuild_rest_of_silver(lake, target, last_as_of, progress or Silent())
        tables = tuple(_compare(lake, target, versions, _compared(target, with_marts), history))
        unlike, rows = _first_difference(lake, target, versions, tables, history)
    return Replay(runs[-1].landing - first + 1, tables, unlike, tuple(rows))


def finished_runs(lake: Lake, chain: tuple[str, ...] = CHAIN) -> tuple[list[Resolved], datetime.date]:
    """The runs that resolved, in their order, and the date of the last step of a chain, which its tables stand for.

    Raises:
        UsageError: If a step of the chain is older than one before it, or did not end: a run is under way or was
            killed; or if silver was made anew since, of the landings that were resolved.
    """
    told = sorted(lake.arrow("ops.runs").to_pylist(), key=lambda row: row["at"]) if lake.exists("ops.runs") else []
    landed = lake.arrow("ops.landings").to_pylist() if lake.exists("ops.landings") else []
    begun: dict[str, datetime.datetime] = {}
    newest: dict[str, dict[str, Any]] = {}
    resolved: dict[str, Resolved] = {}
    for row in told:
        newest[row["step"]] = row
        if row["state"] == "started":
            begun[row["step"]] = row["at"]
        elif row["step"] == "resolve" and row["state"] == "done":
            start = begun["resolve"]
            there = [item["landing"] for item in landed if item["landed_at"] <= start]
            resolved.pop(row["run_id"], None)  # of a run that resolved twice the second time is what counts
            resolved[row["run_id"]] = Resolved(row["run_id"], row["as_of"], max(there, default=0), start)
    before: datetime.datetime | None = None
    for step in chain:
        end = newest.get(step)
        if end is None or end["state"] != "done":
            raise _unfinished(f"the last {step} is {end['state'] if end else 'missing'}")
        if before is not None and end["at"] < before:
            raise _unfinished(f"the last {step} is older than a step before it")
        before = end["at"]
    runs = list(resolved.values())
    _hold_silver_still(lake, told, runs[-1])
    return runs, newest[chain[-1]]["as_of"]


def _hold_silver_still(lake: Lake, told: list[dict[str, Any]], last: Resolved) -> None:
    """Landings may have been conformed since the last run that resolved, as the hourly run does; none anew."""
    since = [row for row in told if row["step"] in WRITE_SILVER and row["at"] > last.at]
    if since and since[-1]["state"] != "done":
        raise _unfinished(f"the last {since[-1]['step']} is {since[-1]['state']}")
    accounts = lake.arrow("ops.row_counts").to_pylist()
    accounted = {row["run_id"] for row in accounts if row["landing"] <= last.landing}
    anew = [row["step"] for row in since if row["step"] == "requeue" or row["run_id"] in accounted]
    if anew:
        raise _unfinished(f"the last resolve is older than the last {anew[-1]}")


def _unfinished(why: str) -> UsageError:
    return UsageError(
        f"the tables are not of one finished run: {why}", "ops.runs", "bring them up to date first: clew run"
    )


def _first_landing(lake: Lake, since: datetime.date) -> int:
    """The first landing of a run of that date or later."""
    dates = {row["run_id"]: row["as_of"] for row in lake.arrow("ops.runs").to_pylist() if row["step"] == "land"}
    landings = [
        row["landing"]
        for row in lake.arrow("ops.landings").to_pylist()
        if dates.get(row["run_id"], datetime.date.min) >= since
    ]
    if not landings:
        newest = max(dates.values(), default=None)
        raise UsageError(f"nothing landed in a run of {since} or later", "ops.landings", f"the newest is of {newest}")
    return min(landings)


@contextmanager
def _workshop(lake: Lake, keep: bool) -> Iterator[Lake]:
    """A workspace of its own, in which bronze is read by links to the live tables, with the keys of the live one.

    Its own locks, notes and audit are there, too: nothing that a step notes beside a lake is noted beside the live one.
    """
    settings = lake.settings
    folder = settings.state / "replay"
    with lake.lock("replay"):
        shutil.rmtree(folder, ignore_errors=True)  # left by a replay that was killed; links are not followed
        state, bronze = folder / ".clew", folder / "lake" / "bronze"
        for made in (folder, state, bronze):
            made.mkdir(parents=True, mode=0o700)
        for path in (*settings.state.glob("*.key"), settings.state / "jars"):
            (state / path.name).symlink_to(path)
        for table in lake.tables():
            if table.startswith("bronze."):
                (bronze / table.split(".")[1]).symlink_to(lake.path(table), target_is_directory=True)
        # Whatever folder a setting has moved, the replay's is its own.
        moved = dict.fromkeys(name for name in type(settings).model_fields if name.endswith("_folder"))
        target = Lake(settings.model_copy(update=moved | {"home": folder, "models_folder": settings.models}))
        target.contracts = lake.contracts
        try:
            target.ensure_tables()
            if lake.exists(ERASURES):  # by these, tombstones are told; who was erased is in bronze no more
                target.append(ERASURES, lake.arrow(ERASURES))
            yield target
        finally:
            if not keep:
                shutil.rmtree(folder, ignore_errors=True)


def _lay_base(lake: Lake, target: Lake, first: int, until: Resolved, each_run: bool) -> None:
    """What is not replayed but taken as it is: silver and its accounts before a landing, and the history before."""
    if first == 1:
        return
    for table in lake.tables():
        if table.startswith("silver."):
            target.append_df(table, lake.df(table).where(f"landing < {first}"))
    accounts = lake.arrow("ops.row_counts").to_pylist()
    target.append("ops.row_counts", [row for row in accounts if row["landing"] < first])
    if each_run:
        with lake.quick(HISTORY) as connection:
            said = connection.execute(
                f"""SELECT * FROM {HISTORY} WHERE revision < (
                    SELECT coalesce(min(revision), 2147483647) FROM {HISTORY} WHERE run_id = $run)""",
                {"run": until.run_id},
            ).to_arrow_table()
        target.append(HISTORY, said)


def _rebuild_people(lake: Lake, target: Lake, run: Resolved, progress: Progress) -> None:
    """Silver and identity as that run made them: its landings, and the decisions that were there."""
    from identity.resolve import resolve
    from spark_jobs.silver.conform import conform

    this = Run(run.run_id, run.as_of, progress)
    landings = lake.arrow("ops.landings").to_pylist()
    target.overwrite("ops.landings", [row for row in landings if row["landing"] <= run.landing])
    decisions = lake.arrow(DECISIONS).to_pylist()
    target.overwrite(DECISIONS, [row for row in decisions if row["decided_at"] <= run.at])
    conform(target, this)
    resolve(target, this)


def _rebuild_rest_of_silver(lake: Lake, target: Lake, as_of: datetime.date, progress: Progress) -> None:
    """Silver of what was conformed after the last run that resolved."""
    from spark_jobs.silver.conform import conform

    conformed = max(row["landing"] for row in lake.arrow("ops.row_counts", columns=["landing"]).to_pylist())
    done = target.highest("ops.landings", "landing") or 0
    if conformed > done:
        landings = lake.arrow("ops.landings").to_pylist()
        target.overwrite("ops.landings", [row for row in landings if row["landing"] <= conformed])
        conform(target, Run("replay", as_of, progress))


def _rebuild_gold(target: Lake, run: Run, with_marts: bool) -> None:
    from spark_jobs.gold.events import build_events
    from spark_jobs.gold.marts import build_marts

    build_events(target, run)
    if with_marts:
        build_marts(target, run)


def _measure(lake: Lake, target: Lake, run: Run, history: int | None) -> None:
    """What statistics say. Of which ids people had before, only the runs know: a version of the live history tells it.

    The replay's own history is put back, to be compared.
    """
    from measures.step import measure

    if history is None:
        measure(target, run)
        return
    own = target.version(HISTORY)
    target.overwrite(HISTORY, lake.arrow(HISTORY, version=history))
    measure(target, run)
    target.delta(HISTORY).restore(own)


def _compared(lake: Lake, with_marts: bool) -> list[str]:
    """The tables that a replay makes, in the order in which a run makes them."""
    made = [table for table in lake.tables() if table.split(".")[0] in REPLAYED or table == ACCOUNTS]
    found = [table for table in made if table not in GIVEN]
    if not with_marts:
        found = [table for table in found if not table.startswith("gold.") or table == "gold.events"]
    return sorted(found, key=lambda table: (_ORDER.index(table.split(".")[0]), table != "gold.events", table))


def _compare(lake: Lake, target: Lake, versions: dict[str, int], made: list[str], history: str) -> Iterator[Compared]:
    for table in [*versions, *(name for name in made if name not in versions)]:
        rows = _counting(table, history)
        live = content(lake, table, versions[table], rows=rows) if table in versions else None
        yield Compared(table, live, content(target, table, rows=rows) if table in made else None)


def _first_difference(
    lake: Lake, target: Lake, versions: dict[str, int], tables: tuple[Compared, ...], history: str
) -> tuple[int, list[Difference]]:
    """How many rows of the first table that differs are not alike, and the first of them."""
    first = next((item for item in tables if not item.is_equal), None)
    if first is None or first.live is None or first.replayed is None:
        return 0, []
    rows = _counting(first.table, history)
    return differences(lake, target, first.table, left_version=versions[first.table], rows=rows)


def _counting(table: str, history: str) -> str:
    """What of a table counts, as SQL."""
    return {HISTORY: history, ACCOUNTS: _BY_LANDING}.get(table, EVERY_ROW)

"""Forget: erase people out of every table, its history and its files, out of landing/ and logs, for good.

Idempotence key: the erasure's number. What is to go is written down first (``plan``), each part leaves what is gone as
it is, and the part that was under way when the process died is done again. Until then nothing is conformed, released or
handed over (``lakehouse.erasing``). Readers go from one release to the next: that of the tables without the erased is
published before the files of the ones before are removed; what was conformed since stays live beside it (``older``).
Only where a run died between who is who and its release is there none to be published without its gates; the caller
must say that it may be so.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lakehouse import audit
from lakehouse.erasing import LOCK
from lakehouse.errors import DataError, UsageError
from lakehouse.hold import refuse_between
from lakehouse.purge import purge, seal_off
from lakehouse.releases import RELEASED_SCHEMAS, gone_on, latest_release, release_again, retire_releases
from lakehouse.still import steps_stand_still
from lakehouse.tombstones import ERASURES, tombstone
from spark_jobs.privacy import certificate, older, plan
from spark_jobs.privacy.bury import bury
from spark_jobs.privacy.holds import refuse_held
from spark_jobs.privacy.keys import ERASED, hashes, keys_of
from spark_jobs.privacy.plan import Plan
from spark_jobs.privacy.reasons import refuse_names
from spark_jobs.privacy.rows import remove_rows
from spark_jobs.privacy.state import LEAST_LETTERS, REQUESTS, clean_state
from spark_jobs.privacy.strangers import Stranger
from spark_jobs.privacy.whose import Theirs, find
from spark_jobs.silver.recount import recount

if TYPE_CHECKING:
    from lakehouse.lake import Lake
    from lakehouse.run import Run, Step

Work = Callable[["Lake", "Run", Theirs, int], Mapping[str, Any]]
Exports = Mapping[str, Work]
"""Takes people out of the exports still held and has destinations told, part by part; given by ``clew``, which knows
both rooms."""
Check = Callable[["Lake", Theirs], object]
"""Raises what would stop such work; asked before anything is changed, since an erasure that begins must come to its
end."""
PURGED_SCHEMAS = (*RELEASED_SCHEMAS, "ops")


def forget(
    lake: "Lake",
    run: "Run",
    profiles: Iterable[str],
    strangers: Sequence[Stranger] = (),
    *,
    reason: str,
    author: str,
    exports: Exports,
    check: Check = lambda *_: None,
    without_release: bool = False,
    request: str | None = None,
    people: int | None = None,
) -> dict[str, Any]:
    """Erase people.

    Args:
        lake: The lake.
        run: The run it happens in.
        profiles: Ids of their profiles, by the live tables.
        strangers: Those who have none.
        reason: Why; it is kept for ever, so without a personal value.
        author: Who erases.
        exports: Takes them out of exports.
        check: Whether they can be taken out.
        without_release: Whether to erase even if that leaves readers without a release until the next run.
        request: The file in ``.clew/requests`` that asks for it; it is removed at the end.
        people: How many they are, where several profiles are one person's; else each is a person.

    Returns:
        The certificate, as it was sealed and written.

    Raises:
        UsageError: If there is no reason, or it holds a value of the people.
        DataError: If nothing is of them, a hold is on one, records are not resolved yet that may be theirs, no
            release could stand in for the latest, or ``check`` says so.
        EnvironmentFault: If a run is between its conform and its release.
    """
    with run.step(lake, "forget") as step, lake.lock(LOCK):
        lake.ensure_tables()
        audit.ready(lake)
        unfinished = plan.read(lake)
        if unfinished is not None:
            step.say(f"finishing erasure {unfinished.number}, which died")
            _carry_out(lake, run, unfinished, exports, step)
        with _nobody_writes(lake):
            refuse_between(lake)
            made = _planned(lake, run.as_of, sorted(set(profiles)), strangers, reason, author)
            if made.released is None and not without_release and latest_release(lake) is not None:
                raise DataError(
                    "a run changed identity or gold and released nothing, so no release can stand in for the latest",
                    "ops.releases",
                    "release first: clew run; or leave readers and exports without a release until the next run: "
                    "--without-release",
                )
            check(lake, made.theirs)
            made = replace(made, request=request, people=people or made.people)
            plan.write(lake, made)
            sealed = _carried_out(lake, run, made, exports, step)
        step.rows = sum(table["rows"] for table in sealed["tables"])
        step.message = f"erasure {made.number}: {made.people} people"
        return sealed


def finish(lake: "Lake", run: "Run", exports: Exports) -> dict[str, Any] | None:
    """Finish an erasure that died; None where there is none."""
    with run.step(lake, "forget") as step, lake.lock(LOCK):
        unfinished = plan.read(lake)
        if unfinished is None:
            return None
        return _carry_out(lake, run, unfinished, exports, step)


def preview(
    lake: "Lake", profiles: Iterable[str], strangers: Sequence[Stranger] = (), reason: str = ""
) -> dict[str, Any]:
    """What an erasure would take, in numbers; nothing is changed.

    Raises:
        UsageError: If a reason is given that holds a value of the people.
    """
    theirs = find(lake, profiles, strangers)
    refuse_names(lake, theirs, reason)
    lines: dict[str, int] = {}
    for grave in theirs.lines:
        lines[grave.source] = lines.get(grave.source, 0) + 1
    return {
        "records": len(theirs.records),
        "records_shared": len(theirs.partly) + theirs.left,
        "events": len(theirs.event_ids),
        "lines": lines,
        "values": len(theirs.values),
        "values_kept_because_shared": theirs.shared,
        "decisions": list(theirs.decisions),
    }


def _planned(
    lake: "Lake", as_of: datetime.date, profiles: list[str], strangers: Sequence[Stranger], reason: str, author: str
) -> Plan:
    if not reason.strip():
        raise UsageError("an erasure needs a reason", "--reason", "say why, for those who come after")
    theirs = find(lake, profiles, strangers)
    if not theirs.is_anything and not theirs.unresolved:
        if theirs.left:
            raise DataError(
                "others have the mailbox or number of this profile, and nothing else is of it",
                "identity.assignments",
                "erase who has it: it goes with the last of them",
            )
        raise DataError("no record is of this profile", "identity.assignments", "see who there is: clew profile WHO")
    refuse_held(lake, profiles, {grave.source for grave in theirs.lines}, as_of)
    if theirs.unresolved:
        raise DataError(
            f"{theirs.unresolved} records hold a value of theirs and one of somebody else, and are not resolved yet",
            "silver.identifiers",
            "see whose they are first: clew run",
        )
    refuse_names(lake, theirs, reason)
    numbers = [*lake.arrow(ERASURES, columns=["erasure"])["erasure"].to_pylist(), *certificate.numbers(lake)]
    return Plan(
        number=max(numbers, default=0) + 1,
        reason=reason.strip(),
        author=author,
        at=datetime.datetime.now(datetime.UTC),
        people=len(profiles) + len(strangers),
        theirs=theirs,
        versions={table: lake.version(table) for table in lake.tables()},
        released=_gone_on(lake),
        done={},
    )


def _gone_on(lake: "Lake") -> dict[str, int] | None:
    if latest_release(lake) is None:
        return None
    released = gone_on(lake)
    return released if all(table.startswith(older.CAN_GO_ON) for table in released) else None


def _carry_out(lake: "Lake", run: "Run", made: Plan, exports: Exports, step: "Step") -> dict[str, Any]:
    with _nobody_writes(lake):
        return _carried_out(lake, run, made, exports, step, is_finish=True)


@contextmanager
def _nobody_writes(lake: "Lake") -> Iterator[None]:
    with lake.lock("replay"), steps_stand_still(lake):  # in this order, which a replay takes them in, too
        yield


def _carried_out(
    lake: "Lake", run: "Run", made: Plan, exports: Exports, step: "Step", *, is_finish: bool = False
) -> dict[str, Any]:
    """Every part in its order; what a part reports is kept, since a second try finds nothing left to report.

    A finish takes the people out of exports and ledgers once more: it does not rely on nobody having handed them over
    since the death.
    """
    outside = {name: partial(_outside, lake, run, work) for name, work in exports.items()}
    parts: dict[str, Callable[[Plan], Any]] = {
        "hashes": lambda at: _remember(lake, at),
        **outside,
        "bronze": lambda at: _bury(lake, at),
        "rows": lambda at: remove_rows(lake, at.theirs),
        "live": lambda at: {table: lake.version(table) for table in at.released or {}},
        "older": lambda at: older.without_them(lake, at.theirs, at.released or {}, at.done["live"]),
        "account": lambda _: _account(lake),
        "release": lambda at: _release(lake, at),
        "purged": lambda at: _purge(lake, at),
        "state": lambda at: clean_state(lake, _names(at.theirs)),
    }
    if is_finish:
        made = _note_interrupted(lake, made, parts)
    for number, (name, work) in enumerate(parts.items(), start=1):
        if name not in made.done:
            step.say(name, number, len(parts))
            made = plan.reported(lake, made, name, work(made))
        if is_finish and name == "release":
            for again, redo in outside.items():
                made = plan.reported(lake, made, again, _sum(made.done[again], redo(made)))
            if "purged" in made.done:
                made = plan.reported(lake, made, "purged", _both(made.done["purged"], _purge(lake, made)))
    sealed = certificate.write(lake, made)
    audit.note(lake, [*erasure_acts(lake), certificate.act_of(sealed)])
    if made.request is not None:
        (lake.settings.state / REQUESTS / made.request).unlink(missing_ok=True)
    plan.remove(lake)
    return sealed


def _note_interrupted(lake: "Lake", made: Plan, parts: Iterable[str]) -> Plan:
    """What the part had done in which the erasure died, nobody counted: the certificate must say so of its numbers."""
    died_in = [name for name in parts if name not in made.done][:1]
    before = made.done.get(plan.INTERRUPTED, [])
    return plan.reported(lake, made, plan.INTERRUPTED, [*before, *(name for name in died_in if name not in before)])


def _outside(lake: "Lake", run: "Run", work: Work, made: Plan) -> dict[str, Any]:
    return dict(work(lake, run, made.theirs, made.number))


def _sum(before: Mapping[str, int], now: Mapping[str, int]) -> dict[str, int]:
    return {name: before.get(name, 0) + now.get(name, 0) for name in sorted({*before, *now})}


def _both(before: list[dict[str, Any]], now: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What two purges of the same tables removed."""
    first = {item["table"]: item for item in before}
    none = {"files": 0, "log_files": 0}
    return [
        item | {name: first.get(item["table"], none)[name] + item[name] for name in ("files", "log_files")}
        for item in now
    ]


def erasure_acts(lake: "Lake") -> list[audit.Act]:
    """Every erasure as an act for the audit."""
    if not lake.exists(ERASURES):
        return []
    known = lake.arrow(ERASURES).to_pylist()
    rows = sorted((row for row in known if row["people"]), key=lambda row: row["erasure"])  # without retention's
    return [
        audit.Act(
            "erase",
            f"erasure {row['erasure']}",
            f"{row['people']} people",
            audit.fingerprint(row),
            row["author"],
        )
        for row in rows
    ]


def _remember(lake: "Lake", made: Plan) -> dict[str, int]:
    """From now on whatever lands of them is told and dropped."""
    theirs, key = made.theirs, lake.settings.privacy_key
    known = set(lake.arrow(ERASURES, columns=["erasure"])["erasure"].to_pylist())
    if made.number not in known:
        lake.append(
            ERASURES,
            [
                {
                    "erasure": made.number,
                    "tombstone": tombstone(key, made.number),
                    "reason": made.reason,
                    "author": made.author,
                    "at": made.at,
                    "people": made.people,
                    "decisions": ",".join(str(number) for number in theirs.decisions),
                }
            ],
        )
    listed = hashes(key, keys_of(theirs.records, theirs.event_ids, theirs.values, lake.contracts.identity))
    noted = {(row["namespace"], row["hash"]) for row in lake.arrow(ERASED).to_pylist() if row["erasure"] == made.number}
    if not noted:
        lake.append(ERASED, [{"namespace": n, "hash": h, "erasure": made.number} for n, h in listed])
    return {"hashes": len(listed)}


def _bury(lake: "Lake", made: Plan) -> dict[str, Any]:
    mark = tombstone(lake.settings.privacy_key, made.number)
    done = bury(lake, made.theirs.lines, mark, _names(made.theirs))
    return {
        "lines": done.lines,
        "purged": [asdict(item) for item in done.purged],
        "landing": {"files": done.landing_files, "lines": done.landing_lines},
    }


def _account(lake: "Lake") -> dict[str, int]:
    rows = recount(lake)
    lake.overwrite("ops.row_counts", rows)
    return {"erased": sum(row["erased"] for row in rows)}


def _release(lake: "Lake", made: Plan) -> dict[str, Any]:
    for table in lake.tables():
        if table.split(".")[0] in RELEASED_SCHEMAS:
            seal_off(lake, table)
    release = None
    if made.released is not None:
        release = release_again(lake, f"erasure-{made.number}", made.done["older"])
    return {"release": release, "retired": retire_releases(lake, made.number, release)}


def _purge(lake: "Lake", made: Plan) -> list[dict[str, Any]]:
    tables = [table for table in lake.tables() if table.split(".")[0] in PURGED_SCHEMAS]
    return [asdict(purge(lake, table, made.done["older"].get(table))) for table in tables]


def _names(theirs: Theirs) -> list[str]:
    """What to look for in texts: the values and the ids of records, as they may stand there."""
    bare = (record.partition(":")[2] for record in theirs.records)
    return sorted(name for name in {*theirs.spellings, *bare} if len(name) >= LEAST_LETTERS)

"""Legal holds: data that may not be deleted for now, of a profile or of a whole source.

A hold is added and released, never changed. While it stands, retention passes over what it holds, and an erasure of a
held person is refused with the reason. A profile may fall apart under a hold, since its person refuses that their
records are put together, or a steward parts them; what was held stays so, by the ids of their own that its records had.
"""

import datetime
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lakehouse import audit
from lakehouse.erasing import LOCK
from lakehouse.errors import DataError, UsageError
from spark_jobs.privacy.reasons import refuse_names
from spark_jobs.privacy.whose import find

if TYPE_CHECKING:
    from lakehouse.lake import Lake

TABLE = "ops.holds"
OWN = "own_profile_ids"


@dataclass(frozen=True)
class Hold:
    """One hold.

    Attributes:
        hold: Its number.
        profile_id: The profile held, or None.
        source: The source held, or None.
        until: The last date on which it holds, or None.
        reason: Why.
        author: Who put it on.
        at: When.
        released_at: When it was taken off, or None.
        own_profile_ids: The ids of their own that the records of the profile had when it was put on.
    """

    hold: int
    profile_id: str | None
    source: str | None
    until: datetime.date | None
    reason: str
    author: str
    at: datetime.datetime
    released_at: datetime.datetime | None = None
    own_profile_ids: tuple[str, ...] = ()

    def stands(self, as_of: datetime.date) -> bool:
        """Whether it holds on a date."""
        return self.released_at is None and (self.until is None or as_of <= self.until)

    @property
    def what(self) -> str:
        """What it is on, in words."""
        return f"profile {self.profile_id}" if self.profile_id else f"source {self.source}"


def holds(lake: "Lake") -> list[Hold]:
    """All holds ever put on, in their order."""
    rows = _rows(lake)
    released = {row["hold"]: row["at"] for row in rows if row["action"] == "release"}
    names = ("hold", "profile_id", "source", "until", "reason", "author", "at")
    return [
        Hold(
            **{name: row[name] for name in names},
            released_at=released.get(row["hold"]),
            own_profile_ids=tuple((row.get(OWN) or "").split()),
        )
        for row in rows
        if row["action"] == "add"
    ]


def add(
    lake: "Lake",
    *,
    profile_id: str | None = None,
    with_profiles: Collection[str] = (),
    source: str | None = None,
    reason: str,
    author: str,
    until: datetime.date | None = None,
) -> Hold:
    """Put a hold on a person or a source.

    Args:
        lake: The lake.
        profile_id: A profile of the person.
        with_profiles: Others of theirs, if they refused that their records are put together.
        source: The source.
        reason: Why.
        author: Who.
        until: The last date on which it holds.

    Raises:
        UsageError: If there is no reason, or it names the person, or there is no such source.
    """
    if not reason.strip():
        raise UsageError("a hold needs a reason", "--reason", "say why, for those who come after")
    if source is not None and source not in lake.contracts.sources:
        known = ", ".join(sorted(lake.contracts.sources))
        raise UsageError(f"there is no source {source}", "--source", f"use one of: {known}")
    own: tuple[str, ...] = ()
    if profile_id is not None:
        people = {profile_id, *with_profiles}
        refuse_names(lake, find(lake, people, with_shared_mailboxes=True), reason)
        own = _own_ids(lake, people)
    with lake.lock("hold"):
        lake.ensure_tables()
        number = max((item.hold for item in holds(lake)), default=0) + 1
        at = datetime.datetime.now(datetime.UTC)
        made = Hold(number, profile_id, source, until, reason.strip(), author, at, own_profile_ids=own)
        _append(lake, "add", made, made.reason, author, made.at)
    return made


def release(lake: "Lake", number: int, *, reason: str, author: str) -> Hold:
    """Take a hold off.

    Raises:
        UsageError: If there is no reason, or it names the person, no such hold, or it was taken off before.
    """
    if not reason.strip():
        raise UsageError("to release a hold needs a reason", "--reason", "say why, for those who come after")
    with lake.lock(LOCK, shared=True), lake.lock("hold"):  # an erasure at work takes files away that are read here
        found = next((item for item in holds(lake) if item.hold == number), None)
        if found is None:
            raise UsageError(f"there is no hold {number}", TABLE, "see: clew hold list")
        if found.released_at is not None:
            raise UsageError(f"hold {number} was released before", TABLE, "see: clew hold list")
        if found.profile_id is not None:
            refuse_names(lake, find(lake, [found.profile_id], with_shared_mailboxes=True), reason)
        _append(lake, "release", found, reason.strip(), author, datetime.datetime.now(datetime.UTC))
    return found


def refuse_held(lake: "Lake", profiles: Iterable[str], sources: Collection[str], as_of: datetime.date) -> None:
    """Refuse to erase whom a hold is on, under whatever of their ids, or on a source that has messages of theirs.

    Args:
        lake: The lake.
        profiles: Who is to be erased.
        sources: The sources of their messages.
        as_of: The date on which a hold must stand.

    Raises:
        DataError: Naming the holds and their reasons.
    """
    standing = [item for item in holds(lake) if item.stands(as_of)]
    wanted = set(profiles)
    found = [item for item in standing if item.profile_id and held_profiles(lake, [item]) & wanted]
    found += [item for item in standing if item.source in sources]
    if found:
        told = "; ".join(f"hold {item.hold} on {item.what}: {item.reason}" for item in found)
        raise DataError(
            f"held, so not erased ({told})", TABLE, "erase when it is released: clew hold release NUMBER --reason …"
        )


def held_profiles(lake: "Lake", standing: Iterable[Hold]) -> set[str]:
    """The profiles that are held now: those named, and those that records of these belong to since.

    An id that is no record's own any more, since ids were made by another key or records were named anew, leads to
    where the records are that were last in its profile.
    """
    held = [item for item in standing if item.profile_id]
    named = sorted({name for item in held for name in (item.profile_id, *item.own_profile_ids) if name})
    tables = ["identity.assignments", "identity.history"]
    if not named or not all(lake.exists(table) for table in tables):
        return set(named)
    with lake.quick(*tables) as connection:
        rows = connection.execute(
            """SELECT DISTINCT profile_id FROM identity.assignments
               WHERE list_contains($named, own_profile_id) OR list_contains($named, profile_id) OR record_id IN (
                   SELECT record_id FROM identity.history WHERE list_contains($named, profile_id)
                       AND profile_id NOT IN (SELECT own_profile_id FROM identity.assignments))""",
            {"named": named},
        ).fetchall()
    return {*named, *(row[0] for row in rows)}


def hold_acts(lake: "Lake") -> list[audit.Act]:
    """Every hold put on or taken off, as an act for the audit."""
    return [
        audit.Act(
            "hold",
            f"hold {row['hold']} {row['action']}",
            f"on {'source ' + row['source'] if row['source'] else 'a profile'}",
            # As it was before there was this column, where the row has nothing in it.
            audit.fingerprint({name: value for name, value in row.items() if name != OWN or value}),
            row["author"],
        )
        for row in _rows(lake)
    ]


def _own_ids(lake: "Lake", profiles: Collection[str]) -> tuple[str, ...]:
    """The id of its own of each record of some profiles."""
    with lake.quick("identity.assignments") as connection:
        rows = connection.execute(
            """SELECT DISTINCT own_profile_id FROM identity.assignments
               WHERE list_contains($profiles::VARCHAR[], profile_id) ORDER BY 1""",
            {"profiles": sorted(profiles)},
        ).fetchall()
    return tuple(str(own) for (own,) in rows)


def _append(lake: "Lake", action: str, item: Hold, reason: str, author: str, at: datetime.datetime) -> None:
    audit.ready(lake)
    row: dict[str, Any] = {"hold": item.hold, "action": action, "profile_id": item.profile_id, "source": item.source}
    row |= {OWN: " ".join(item.own_profile_ids)} if item.own_profile_ids else {}
    lake.append(TABLE, [row | {"until": item.until, "reason": reason, "author": author, "at": at}])
    audit.note(lake, hold_acts(lake))


def _rows(lake: "Lake") -> list[dict[str, Any]]:
    if not lake.exists(TABLE):
        return []
    return sorted(lake.arrow(TABLE).to_pylist(), key=lambda row: (row["hold"], row["action"]))

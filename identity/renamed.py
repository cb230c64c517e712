"""Mailboxes and telephones whose records were named anew, and what outlives a rebuild under their names of before.

A lake of before names were keyed named them by the bare SHA-256 of the value. Once silver is conformed anew, its
messages have the new names and the values that both are made of. identity.history gets the new ones in the place of the
former; a decision is taken back and made again under them, since a row that somebody decided is never changed.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contracts.records import DIGITS, HASHED_KINDS, SEPARATOR
from identity.decisions import Decision, append_again, in_force, read_decisions
from identity.history import TABLE as HISTORY
from lakehouse import keyed
from lakehouse.naming import IS_HASHED, bare_name, spelled

if TYPE_CHECKING:
    from lakehouse.lake import Lake

WHY = "the record has another name since names of mailboxes and telephones are keyed"
_KIND = "split_part(record_id, ':', 1)"
_FORMER = f"""
    CREATE TEMP TABLE former AS SELECT DISTINCT {bare_name(_KIND, "value")} AS was, record_id
    FROM silver.identifiers WHERE {IS_HASHED} AND record_id = {_KIND} || ':'
        || left(clew_keyed({_KIND} || '{SEPARATOR}' || {spelled(_KIND, "value")}), {DIGITS})
"""
"""What a record was called, by the values that its own messages gave; not by one that it only mentions."""
_GONE = f"{IS_HASHED} AND record_id NOT IN (SELECT record_id FROM silver.events WHERE record_id IS NOT NULL)"
_BATCH_ROWS = 100_000


@dataclass(frozen=True)
class Renamed:
    """What was named anew.

    Attributes:
        names: How many names of before there were.
        waiting: Numbers of the decisions in force that name a mailbox or a telephone which silver has under no name.
    """

    names: int = 0
    waiting: tuple[int, ...] = ()

    @property
    def told(self) -> str:
        """What a steward must know of it; nothing where every decision stands."""
        if not self.waiting:
            return ""
        numbers = ", ".join(map(str, self.waiting))
        return f"decisions that wait, since no message has the mailbox or the number that they name: {numbers}"


def name_anew(lake: "Lake", *, keeps_gone: bool) -> Renamed:
    """Bring identity.history and the decisions to the names that records have in silver; again, it changes nothing.

    Args:
        lake: The lake, whose silver names mailboxes and telephones by the key of today.
        keeps_gone: Whether the history keeps mailboxes and telephones that are in the lake no more. Under a name of
            before there was a key anybody could find them, so then it must not.
    """
    if not lake.exists(HISTORY):
        return Renamed()
    decided = {record for item in in_force(read_decisions(lake)) for record in item.pair}
    with lake.duck(only=[HISTORY, "silver.identifiers", "silver.events"]) as connection:
        told = connection.execute(f"SELECT DISTINCT record_id FROM {HISTORY} WHERE {_GONE}").fetchall()
        if not told and not decided:
            return Renamed()
        keyed.install(connection, lake.settings.identity_key)
        connection.execute(_FORMER)
        if told:
            rows = connection.sql(
                f"""SELECT h.* REPLACE (coalesce(former.record_id, h.record_id) AS record_id)
                    FROM {HISTORY} AS h LEFT JOIN former ON was = h.record_id
                    WHERE $keeps_gone OR former.record_id IS NOT NULL OR h.record_id NOT IN (
                        SELECT record_id FROM {HISTORY} WHERE {_GONE})""",
                params={"keeps_gone": keeps_gone},
            )
            lake.overwrite(HISTORY, rows.to_arrow_reader(_BATCH_ROWS))
        former = connection.execute(
            "SELECT was, record_id FROM former WHERE list_contains($decided::VARCHAR[], was)", {"decided": [*decided]}
        ).fetchall()
    renamed = _decide_again(lake, dict(former))
    return Renamed(len({record for (record,) in told} | renamed), _waiting(lake))


def _decide_again(lake: "Lake", former: dict[str, str]) -> set[str]:
    """Decide again, of the same date and by the same steward, what names a record by its former name: return those."""
    with lake.lock("decide"):
        known = read_decisions(lake)
        made: list[Decision] = []
        for item in in_force(known):
            left, right = sorted(former.get(record, record) for record in item.pair)
            if (left, right) == item.pair:
                continue
            number = len(made) + max(one.decision for one in known) + 1
            made.append(replace(item, decision=number, action="undo", undoes=item.decision, until=None, reason=WHY))
            if not any((one.pair, one.action) == ((left, right), item.action) for one in in_force([*known, *made])):
                made.append(replace(item, decision=number + 1, left_record=left, right_record=right))
        append_again(lake, known, made)
    return {record for item in made for record in item.pair} & former.keys()


def _waiting(lake: "Lake") -> tuple[int, ...]:
    """The decisions in force about a mailbox or a telephone of which silver has no message."""
    named = [
        (record, item.decision)
        for item in in_force(read_decisions(lake))
        for record in item.pair
        if record.partition(":")[0] in HASHED_KINDS
    ]
    with lake.quick("silver.events") as connection:
        there = connection.execute(
            "SELECT DISTINCT record_id FROM silver.events WHERE list_contains($named::VARCHAR[], record_id)",
            {"named": [record for record, _ in named]},
        ).fetchall()
    return tuple(sorted({number for record, number in named if (record,) not in there}))

"""Whom an access is about: one profile, its records, every id that was its own, and its events; or a stranger."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from contracts.errors import DataError
from rights.meant import nobody, stranger
from rights.who import PROFILES_MEANT, Who
from spark_jobs.privacy.whose import Theirs, find

if TYPE_CHECKING:
    from clew.traced.opened import Opened
    from lakehouse.lake import Lake

EVENTS = "person_events"
"""The temporary table of the event ids."""
_IS_THEIRS = "by_identity AND (by_gold OR NOT is_visit)"
_READ = (
    ("known_events", "silver.events", "'' AS event_id, '' AS record_id, now() AS occurred_at"),
    ("known_links", "gold.events", "'' AS event_id, '' AS record_id, '' AS profile_id"),
    (
        "known_spells",
        "identity.stitches",
        """'' AS record_id, now() AS since, now() AS "until", '' AS account_record""",
    ),
)
"""What tells whose an event is: by name the table, and its columns where it is not there."""


@dataclass(frozen=True)
class Person:
    """One person as the lake knows them.

    Attributes:
        profile_id: The id today; None of a stranger, whom no profile knows.
        ids: That, and every id that one of the records founded or would found: older tables and exports have those.
        records: The records, those that identity does not know yet, too.
        theirs: What is theirs and nobody else's, as an erasure finds it.
        withheld: How many visits may be theirs, in a browser that somebody else may have used since, and are not told.
    """

    profile_id: str | None
    ids: tuple[str, ...]
    records: tuple[str, ...]
    theirs: Theirs
    withheld: int = 0

    @property
    def own(self) -> frozenset[str]:
        """Every name of theirs that a table may hold."""
        return frozenset((*self.ids, *self.records))

    @property
    def audited_as(self) -> tuple[str, ...]:
        """What an access of them may be noted by, the first of which it is: profile ids, or a stranger's values."""
        if self.profile_id is not None:
            return (self.profile_id, *self.ids)
        return (*(f"{identifier}:{value}" for identifier, value in self.theirs.values), *self.records)


def the_person(opened: "Opened", lake: "Lake", who: Who) -> Person:
    """Find the one person that was meant, and keep the ids of their events in the table EVENTS.

    Raises:
        DataError: If nobody was meant, or several people: an access names one.
    """
    profiles = [row["profile_id"] for row in opened.rows(PROFILES_MEANT, who.asked)]
    if not profiles:
        found = stranger(lake, who)
        if found is None:
            raise nobody(lake, who)
        theirs = found[1]
        person = Person(None, (), theirs.records, theirs)
        return replace(person, withheld=_keep_events(opened, person))
    if len(profiles) > 1:
        each = "\n         ".join(f"clew access {profile}" for profile in profiles)
        raise DataError(
            f"{len(profiles)} profiles hold this {who.noun}, and what is held of one person is not another's to see",
            "identity.assignments",
            f"make sure who asks, then name one:\n         {each}",
        )
    rows = opened.rows(
        "SELECT record_id, own_profile_id FROM identity.assignments WHERE profile_id = ? ORDER BY record_id", profiles
    )
    ids = sorted({profiles[0], *(row["own_profile_id"] for row in rows)})
    theirs = find(lake, profiles)
    records = sorted({*(row["record_id"] for row in rows), *theirs.records})
    person = Person(profiles[0], tuple(ids), tuple(records), theirs)
    return replace(person, withheld=_keep_events(opened, person))


def _keep_events(opened: "Opened", person: Person) -> int:
    """Keep the ids of the person's events; those of a browser only where identity and gold.events agree that they are.

    Several people may have used it in turn. Who did, identity knows as of its last run; who logged in there since, and
    whose the visits after that are, nobody knows yet, and such visits are not in gold yet.

    Returns:
        How many visits may be theirs and are withheld.
    """
    opened.run("CREATE TEMP TABLE person_records AS SELECT unnest(?::VARCHAR[]) AS record_id", [list(person.records)])
    opened.run(
        "CREATE TEMP TABLE found_events AS SELECT unnest(?::VARCHAR[]) AS event_id", [list(person.theirs.event_ids)]
    )
    opened.run("CREATE TEMP TABLE person_ids AS SELECT unnest(?::VARCHAR[]) AS profile_id", [list(person.ids)])
    for name, table, none in _READ:
        opened.run(f"CREATE TEMP VIEW {name} AS FROM {table if opened.has(table) else f'(SELECT {none} WHERE false)'}")
    opened.run("""
        CREATE TEMP TABLE maybe AS
        WITH near AS (
            FROM person_records
            UNION SELECT record_id FROM known_spells WHERE account_record IN (FROM person_records)
            UNION SELECT record_id FROM known_links SEMI JOIN person_ids USING (profile_id))
        SELECT e.event_id, starts_with(e.record_id, 'anonymous:') AS is_visit,
               coalesce(s.account_record, e.record_id) IN (FROM person_records) AS by_identity,
               coalesce(g.profile_id IN (FROM person_ids), false) AS by_gold
        FROM known_events AS e SEMI JOIN near USING (record_id)
        LEFT JOIN known_spells AS s ON s.record_id = e.record_id AND e.occurred_at >= s.since
            AND (s."until" IS NULL OR e.occurred_at < s."until")
        LEFT JOIN (FROM known_links SEMI JOIN near USING (record_id)) AS g USING (event_id)
        UNION ALL SELECT event_id, false, true, false FROM known_events SEMI JOIN found_events USING (event_id)
        WHERE record_id IS NULL""")
    opened.run(f"CREATE TEMP TABLE {EVENTS} AS SELECT event_id FROM maybe WHERE {_IS_THEIRS}")
    (row,) = opened.rows(
        f"SELECT count(*) AS withheld FROM maybe WHERE NOT ({_IS_THEIRS}) AND (by_identity OR by_gold)"
    )
    return int(row["withheld"])

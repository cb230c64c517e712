"""Whom an access is about: one profile, its records, every id that was its own, and its events."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from contracts.errors import DataError
from rights.who import PROFILES_MEANT, Who

if TYPE_CHECKING:
    from clew.traced.opened import Opened

EVENTS = "person_events"
"""The temporary table of the event ids."""


@dataclass(frozen=True)
class Person:
    """One person as the lake knows them.

    Attributes:
        profile_id: The id today.
        ids: That, and every id that one of the records founded or would found: older tables and exports have those.
        records: The records.
    """

    profile_id: str
    ids: tuple[str, ...]
    records: tuple[str, ...]

    @property
    def own(self) -> frozenset[str]:
        """Every name of theirs that a table may hold."""
        return frozenset((*self.ids, *self.records))


def the_person(opened: "Opened", who: Who) -> Person:
    """Find the one person that was meant, and keep the ids of their events in the table EVENTS.

    Raises:
        DataError: If nobody was meant, or several people: an access names one.
    """
    profiles = [row["profile_id"] for row in opened.rows(PROFILES_MEANT, who.asked)]
    if not profiles:
        verb = "has" if who.is_profile_id else "holds"
        raise DataError(f"no profile {verb} this {who.noun}", "identity.assignments", "check it; else nothing is held")
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
    person = Person(profiles[0], tuple(ids), tuple(row["record_id"] for row in rows))
    _keep_events(opened, person)
    return person


def _keep_events(opened: "Opened", person: Person) -> None:
    """Of a record that several people used in turn (a shared browser), gold.events says whose each event is."""
    opened.run(f"CREATE TEMP TABLE {EVENTS} (event_id VARCHAR)")
    if opened.has("silver.events"):
        opened.run(
            f"INSERT INTO {EVENTS} SELECT event_id FROM silver.events WHERE list_contains(?, record_id)",
            [list(person.records)],
        )
    if opened.has("gold.events"):
        opened.run(
            f"""DELETE FROM {EVENTS} WHERE event_id IN
                (SELECT event_id FROM gold.events WHERE profile_id IS NOT NULL AND profile_id <> ?)""",
            [person.profile_id],
        )
        opened.run(
            f"""INSERT INTO {EVENTS} SELECT event_id FROM gold.events WHERE profile_id = ?
                EXCEPT SELECT event_id FROM {EVENTS}""",
            [person.profile_id],
        )

"""The CRM's snapshots: each customer row as of that day, twice for some people, noisy as such rows are."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random
from typing import TYPE_CHECKING

from sandbox import clock, names
from sandbox.draws import dice
from sandbox.entries import Entry
from sandbox.people import PEOPLE_PER_HOUSEHOLD, SHUFFLE, Person
from sandbox.support import written_phone

if TYPE_CHECKING:
    from sandbox.truth import Truth
    from sandbox.world import World

COLUMNS = (
    "customer_id",
    "first_name",
    "last_name",
    "email",
    "phone",
    "birth_date",
    "street",
    "city",
    "postcode",
    "country",
    "loyalty_card",
    "age_band",
    "income_band",
    "household_size",
    "updated_at",
)
PLACEHOLDER_EMAIL = "test@test.com"
PLACEHOLDER_PHONE = "000-0000000"
STREET_WORDS = {" St": " Street", " Ave": " Avenue", " Rd": " Road", " Dr": " Drive", "Apt ": "#"}


@dataclass(frozen=True)
class Row:
    """A customer row of the CRM: whose, which of that person's, and since when."""

    person: Person
    turn: int
    created_at: int

    @property
    def customer_id(self) -> str:
        """Return an id that no other row has and that does not tell whose it is."""
        return f"C{100_000 + (self.person.number * 3_607 % SHUFFLE) * PEOPLE_PER_HOUSEHOLD + self.turn}"


def snapshot_days(window: clock.Window) -> list[date]:
    """Return the days on which the CRM exports: the first of each month, and the year's last day."""
    days = (window.until - window.since).days + 1
    all_days = (window.since + timedelta(days=place) for place in range(days))
    return [day for day in all_days if day.day == 1 or day == clock.LAST_DAY]


def crm_entries(world: World, window: clock.Window, truth: Truth) -> Iterator[Entry]:
    """Yield all rows of each snapshot taken in the window."""
    rows = [row for person in world.people for row in _rows(person, world.seed)]
    rows.sort(key=lambda row: row.customer_id)
    for day in snapshot_days(window):
        at = clock.start_of(day) + 3 * clock.HOUR
        for row in rows:
            if row.created_at < at:
                truth.occurs("crm", row.customer_id, row.person)
                yield Entry(at, _line(_values(row, at, world.seed)))


def _rows(person: Person, seed: int) -> Iterator[Row]:
    chance = dice(seed, "crm", person.number)
    count = chance.choices((0, 1, 2), (5, 80, 15) if person.card else (30, 62, 8))[0]
    for turn in range(count):
        is_new = chance.random() < 0.15
        begin, days = (clock.YEAR_START, 360) if is_new else (clock.YEAR_START - 1_500 * clock.DAY, 1_490)
        yield Row(person, turn, begin + int(chance.random() * days * clock.DAY))


def is_in_latin(person: Person, turn: int, seed: int) -> bool:
    """Return true if a person's row gives the name in Latin letters, whatever script its owner writes."""
    return dice(seed, "latin", person.number, turn).random() < 0.35


def _values(row: Row, at: int, seed: int) -> list[str]:
    """Return the row as of an instant: the noise stays the same, the facts move on."""
    person = row.person
    chance = dice(seed, "crm row", person.number, row.turn)
    # A second row of a person is the one that a hurried clerk typed.
    noise = 0.07 if row.turn == 0 else 0.5
    lag = int(chance.random() * 20 * clock.DAY)
    keeps_old = chance.random() < noise
    seen = row.created_at if keeps_old else max(at - lag, row.created_at)
    home = person.address(seen)
    first, last = person.first_name, person.surname(seen)
    if chance.random() < noise:
        first = person.nickname
    if is_in_latin(person, row.turn, seed):
        first, last = names.in_latin(first), names.in_latin(last)
    if chance.random() < noise:
        first, last = chance.choice(
            ((_typo(first, chance), last), (first, _typo(last, chance)), (first.upper(), last.upper()))
        )
    birth = person.birth_date.isoformat()
    if person.birth_date.day <= 12 and chance.random() < noise:
        birth = f"{person.birth_date.year}-{person.birth_date.day:02d}-{person.birth_date.month:02d}"
    street = home.street
    if chance.random() < 0.3:
        for short, long in STREET_WORDS.items():
            street = street.replace(short, long)
    phone = written_phone(person.phone(seen), chance)
    email = person.email if chance.random() > 0.1 else person.email.upper()
    values = [
        row.customer_id,
        first,
        last,
        PLACEHOLDER_EMAIL if chance.random() < 0.02 else _present(email, 0.85, chance),
        PLACEHOLDER_PHONE if chance.random() < 0.03 else _present(phone, 0.8, chance),
        _present(birth, 0.75, chance),
        _present(street, 0.9, chance),
        home.city,
        _present(home.postcode, 0.93, chance),
        chance.choice(("US", "US", "US", "USA", "")),
        _present(person.card or "", 0.85 if row.turn == 0 else 0.3, chance),
        person.age_band,
        person.income_band,
        person.household_size,
    ]
    return [*values, _written(_updated_at(row, seen), chance)]


def _updated_at(row: Row, seen: int) -> int:
    """Return when the row last changed: when the latest fact that it shows became known."""
    changes = [since for since in row.person.changes() if row.created_at < since <= seen]
    return max([row.created_at, *changes])


def _written(at: int, chance: Random) -> str:
    if chance.random() < 0.3:
        return clock.local(at).isoformat(timespec="seconds")
    return clock.iso_seconds(at)


def _present(value: str, share: float, chance: Random) -> str:
    return value if chance.random() < share else ""


def _typo(name: str, chance: Random) -> str:
    """Swap two letters, drop one, or double one."""
    if len(name) < 3:
        return name
    place = chance.randrange(1, len(name) - 1)
    kind = chance.randrange(3)
    if kind == 0:
        return name[:place] + name[place + 1] + name[place] + name[place + 2 :]
    return name[:place] + name[place + 1 :] if kind == 1 else name[:place] + name[place] + name[place:]


def _line(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def header() -> str:
    """Return the first line of every CRM file."""
    return ",".join(COLUMNS)

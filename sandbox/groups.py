"""What the truth says of people, by which an evaluation groups what went right and wrong; never of a record."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pyarrow as pa

from sandbox import clock, crm, names

if TYPE_CHECKING:
    from sandbox.people import Person
    from sandbox.world import World

GROUPS = pa.schema([("person_id", pa.string()), ("dimension", pa.string()), ("value", pa.string())])
AGE_BANDS = ((24, "16-24"), (34, "25-34"), (44, "35-44"), (54, "45-54"), (64, "55-64"), (200, "65 and older"))


def groups(world: World) -> pa.Table:
    """Return person_id, dimension and value; a person may be in several groups of a dimension."""
    rows = []
    for members in world.by_household.values():
        named = Counter((person.first_name, person.last_name) for person in members)
        for person in members:
            rows += [(person.person_id, "script of the name", script(person))]
            rows += [(person.person_id, "household size", str(len(members)))]
            rows += [(person.person_id, "age band", _age_band(person))]
            has_namesake = named[person.first_name, person.last_name] > 1
            rows += [(person.person_id, "circumstance", what) for what in _circumstances(person, has_namesake, world)]
    return pa.Table.from_pylist([dict(zip(GROUPS.names, row, strict=True)) for row in sorted(rows)], schema=GROUPS)


def script(person: Person) -> str:
    """Return the script of the name; of a name in two, the one that is not Latin."""
    found = [
        unicodedata.name(letter).split()[0].title()
        for letter in person.first_name + person.last_name
        if letter.isalpha()
    ]
    other = next((name for name in found if name != "Latin"), "Latin")
    return {"Cjk": "Chinese or Japanese"}.get(other, other)


def _age_band(person: Person) -> str:
    age = clock.LAST_DAY.year - person.birth_date.year
    return next(name for oldest, name in AGE_BANDS if age <= oldest)


def _circumstances(person: Person, has_namesake: bool, world: World) -> Iterator[str]:
    if person.is_twin:
        yield "twin"
    if has_namesake:
        yield "namesake at home"
    if person.has_family_mailbox:
        yield "shared mailbox"
    if person.is_phone_shared:
        yield "shared or recycled phone"
    if person.name_before:
        yield "married, name changed"
    if len(person.addresses) > 1:
        yield "moved"
    full_name = person.first_name + person.last_name
    if names.NOT_LATIN.search(full_name) and any(crm.is_in_latin(person, turn, world.seed) for turn in (0, 1)):
        yield "name in two scripts"
    if person.nickname != person.first_name:
        yield "has a nickname"

"""The people of a scenario: names, addresses, and what they are known by; all of it follows from seed and number."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from sandbox import names
from sandbox.draws import dice, hexadecimal, number_of, uuid

if TYPE_CHECKING:
    from sandbox.scenario.model import Id, Scenario

DAY = 86_400
PRIME = 2_654_435_761
"""Odd and no multiple of 5, so that numbers times it, modulo a power of ten, are all different."""


@dataclass
class Person:
    """Somebody.

    Attributes:
        number: From 1 on.
        household: The number of whom they live with, or their own.
        factors: By tag, how much more likely than others they do what bears it.
        told: What everybody has: name, address and so on.
        partner: Whom they live with.
        since: By id, since when they have it.
        formed: Ids that were asked for, by name and period.
    """

    number: int
    household: int
    kind: str
    factors: dict[str, float]
    told: dict[str, str]
    partner: Person | None = None
    since: dict[str, float] = field(default_factory=dict)
    formed: dict[tuple[str, int], str] = field(default_factory=dict, repr=False)

    @property
    def person_id(self) -> str:
        return f"p{self.number:07d}"

    def factor(self, tag: str | None) -> float:
        """How much more likely than others they do what bears a tag."""
        return self.factors.get(tag, 1.0) if tag else 1.0


def people_of(scenario: Scenario, count: int) -> list[Person]:
    """Everybody, in order; the first of them are the same however many there are."""
    found: list[Person] = []
    for number in range(1, count + 1):
        chance = dice(scenario.seed, "person", number)
        before = found[-1] if found else None
        is_paired = chance.random() < scenario.people.pairs and before is not None and before.partner is None
        found.append(_person(scenario, number, chance, before if is_paired else None))
    return found


def _person(scenario: Scenario, number: int, chance: Random, partner: Person | None) -> Person:
    declared = scenario.people
    first, last = chance.choice(names.FIRST_NAMES), chance.choice(names.FAMILY_NAMES)
    place = chance.choices(declared.places, [place.weight for place in declared.places])[0]
    kind = chance.choices(list(declared.kinds), [kind.weight for kind in declared.kinds.values()])[0]
    born = datetime.date(chance.randint(*declared.born), chance.randint(1, 12), chance.randint(1, 28))
    home = {
        "street": f"{chance.randrange(1, 200)} {chance.choice(names.STREETS)}",
        "city": place.city,
        "postcode": _lettered(place.postcode, chance),
        "country": declared.country,
        "region": place.region,
    }
    if partner is not None:
        home = {name: partner.told[name] for name in home}
        last = next(name for name in names.FAMILY_NAMES if name[0] == partner.told["last_name"])
    form = declared.phones[number % len(declared.phones)]
    told = {
        "first_name": first[0],
        "last_name": last[0],
        "name": f"{first[0]} {last[0]}",
        "email": f"{first[1]}.{last[1]}{number * 7_919 % 100_000}@{chance.choice(names.MAIL_DOMAINS)}",
        "phone": filled(form, number // len(declared.phones), scenario.seed, "phone"),
        "birth_date": born.isoformat(),
        "kind": kind,
        **home,
    }
    household = partner.household if partner else number
    return Person(number, household, kind, dict(declared.kinds[kind].times), told, partner)


def value_of(scenario: Scenario, person: Person, name: str, at: float) -> str | None:
    """What a person has under a name at a time; None where they do not have it yet."""
    if name in person.told:
        return person.told[name]
    declared = scenario.people.ids[name]
    since = person.since.get(name, None if declared.since else float("-inf"))
    if since is None or at < since:
        return None
    period = 0
    if declared.lasts_days:
        begins = number_of(scenario.seed, "period", name, person.number) % declared.lasts_days
        period = int((at / DAY + begins) // declared.lasts_days)
    if (name, period) not in person.formed:
        person.formed[name, period] = _formed(scenario.seed, declared, name, person, period)
    return person.formed[name, period]


def _formed(seed: int, declared: Id, name: str, person: Person, period: int) -> str:
    holder = person
    if person.partner is not None and dice(seed, "shares", name, person.number).random() < declared.shared:
        holder = person.partner
    if declared.form == "uuid":
        return uuid(seed, name, holder.number, period)
    return filled(declared.form, holder.number, seed, f"{name} {period}" if period else name)


def filled(form: str, number: int, seed: int, what: str) -> str:
    """A form with its digits: numbers of one form all differ while they are fewer than the form can tell apart."""
    places = form.count("#")
    digits = f"{(number * PRIME + number_of(seed, what)) % 10**places:0{places}d}" if places else ""
    hexes = hexadecimal(max(1, form.count("?")), seed, what, number)
    given, letters = iter(digits), iter(hexes)
    return "".join(next(given) if c == "#" else next(letters) if c == "?" else c for c in form)


def _lettered(form: str, chance: Random) -> str:
    return "".join(
        str(chance.randrange(10)) if c == "#" else chance.choice("ABDEFGHJLNPQRSTUWXYZ") if c == "@" else c
        for c in form
    )
